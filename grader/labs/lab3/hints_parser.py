"""Hints of lab 3's parser and encoders, by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

_SANITIZER = Hint(
    "Which line of yours stands first in the report, and is the address behind the window, or in "
    "a window that is gone?",
    "heap-buffer-overflow: a byte was looked at before it was known to be there. "
    "heap-use-after-free: a pointer into an earlier call's window was kept, and each call may "
    "show another one. A leak: words that a parser or a request had.",
    "Compare place and length before each access, so that 'at + 1' is there before LF is looked "
    "for. Keep distances, no pointers, between calls. resp_parser_free() frees all that the "
    "parser took.",
)

_DIAGNOSES = {
    "codec-hangs": Hint(
        "Which loop of yours is running, and what would have to change for it to end?",
        "A round of it takes no byte and does not return, so the next round is the same. Or it "
        "does so much again and again that it seems to have no end.",
        "In each round take at least one byte of the window, or return. 'make debug' stops it "
        "where it is: 'backtrace' shows the loop.",
    ),
    "driver-ended": Hint(
        "What did the driver say last, and which of your functions had it called?",
        "The program ended in the middle of a job: a module called exit(), or the driver refused "
        "what it was given.",
        "A module returns its errors and ends nothing. What the driver said is on the card; the "
        "head of labs/host/resp_driver.c tells which job calls what.",
    ),
    "wrong-size": Hint(
        "From which byte to which does this one lie in the window?",
        "size lacks the last CR LF, or it is all that the window holds, or all that came since "
        "the parser was made.",
        "size counts from the first byte of the window to the last LF of this one, both included. "
        "What follows belongs to the next.",
    ),
    "word-count": Hint(
        "When is the count of words known, and when is it true?",
        "The count is that of words found so far, of lines, or of an earlier request; or an empty "
        "word is not counted.",
        "On RESP_DONE count is the number behind '*'. Set your own counter back when a request "
        "begins.",
    ),
    "word-bytes": Hint(
        "To which bytes does this word point: from where, how many, and in which window?",
        "Its start or its length is off by a type byte or a CR LF, its end was looked for in the "
        "data, or it points into a window of an earlier call, which is gone.",
        "A word starts behind its length's CR LF and has as many bytes as that length says. Keep "
        "its distance from the window's start; make the pointer on RESP_DONE, from the window of "
        "that very call.",
    ),
    "other-value": Hint(
        "What do these bytes say by the table of the protocol, and at which of them does your "
        "parser think otherwise?",
        "The kind is told by a byte of another piece, a text has its type byte or its CR with it, "
        "an integer loses its sign or its upper 32 bits, or a value is still the last one's.",
        "The first byte of the window tells the kind, at each call anew if you like. A text lies "
        "between that byte and CR LF. Compute integers in 64 bits, and set every member of the "
        "reply that belongs to its kind.",
    ),
    "too-early": Hint(
        "Which bytes of this one have not come yet?",
        "It is told as complete before its last CR LF is there, when the data ends or with the "
        "CR; or after it was told once it is told again.",
        "Wait for both CR and LF, behind a line and behind the last word's data, before you say "
        "RESP_DONE. After that forget it, and read the next window from its start.",
    ),
    "not-found": Hint(
        "The last byte is there. Which further byte do you wait for?",
        "A comparison is off by one and wants a byte behind the end; or a CR at the end of one "
        "piece and the LF at the beginning of the next are not seen together; or state of the "
        "last request is left.",
        "If the window holds exactly what is needed, it is enough. Keep no 'CR seen' that a later "
        "call can miss: go on at the beginning of what was not complete.",
    ),
    "incomplete-is-error": Hint(
        "Is there any continuation of these bytes that makes them right?",
        "What is not there yet is taken for wrong: no CR LF in the window, an empty window, a "
        "word whose data is not all there; or a call begins at the wrong place, since something "
        "is left of the last one.",
        "Say RESP_ERROR only for a byte that is there and can't be. If the window ends first, "
        "RESP_MORE.",
    ),
    "legal-refused": Hint(
        "Which byte of this one do you refuse, and by which rule?",
        "All of it is there and legal. A line's end, an empty word or array, a large or negative "
        "number, or what the last call left in the parser is taken for wrong.",
        "Go through it byte by byte, as the parser does, with the grammar in the handout. Print "
        "the place and the state at which RESP_ERROR is returned.",
    ),
    "no-result": Hint(
        "Which of your functions made this number, and was it meant to be a result?",
        "-1, a size, or what another function returned was handed on.",
        "Return one of the four names of enum resp_result on each way out of the function.",
    ),
    "no-memory": Hint(
        "How many bytes did you ask malloc() for, and can it return NULL for that?",
        "A size of 0 may give NULL, which is no error; or the size was computed from an announced "
        "number, or from one that was never set.",
        "Take memory for words that came, one or more. Take NULL for an error only if the size "
        "was above 0.",
    ),
    "3.5 accepted": Hint(
        "At which byte did it become wrong, and which comparison of yours sees that byte?",
        "None: strtol(), atoi() or sscanf() passed over it, or a line end was searched for by its "
        "CR or its LF alone, or two bytes were skipped as if they were CR LF.",
        "Compare every byte that is not data: the type byte, each digit, CR and LF, the two "
        "behind a word. Refuse a line when its 33rd byte is there and it has not ended, before "
        "you wait for more.",
    ),
    "3.6 accepted": Hint(
        "With which type is this number computed, and what is left of it in there?",
        "It wraps around and comes out small: 2^64 + 1 becomes 1, and in 32 bits that happens "
        "much sooner. Or a limit is not looked at.",
        "Before you multiply by ten and add a digit, compare with the limit: beyond it, the line "
        "is an error, however the digits go on. Compare the words' number, a word's length and "
        "the request's whole size.",
    ),
    "3.9 accepted": Hint(
        "What would this reply mean, and which comparison of yours should refuse it?",
        "An integer without a digit, with '+', with a leading zero, -0 or beyond 64 bits is "
        "taken, or a line that ends in LF alone, or a type byte that is none; here '$' stands "
        "within arrays only.",
        "Use the same strict reading of numbers as for requests, with one '-' before the digits "
        "at most. Compare with the largest and the least before a digit is added; afterwards it "
        "is too late.",
    ),
    "accepted": Hint(
        "Which byte is wrong here, and which comparison of yours sees it?",
        "None: the byte is skipped, or read by something that takes more than the protocol allows.",
        "Compare every byte that is not data with what may stand there.",
    ),
    "before-the-error": Hint(
        "Which requests were complete before the bad byte came?",
        "The error is told for the whole window, although good requests stand before it in the "
        "same piece.",
        "Look at one request at a time: RESP_DONE for each that is complete, and RESP_ERROR when "
        "the window begins with the bad one.",
    ),
    "error-forgotten": Hint(
        "After RESP_ERROR, where does the next request begin?",
        "Nobody can know. The parser starts over as it does after RESP_DONE, or it looks at new "
        "bytes as if the bad ones had never come.",
        "Note the error in the parser and answer with it at every later call, whatever the window "
        "holds.",
    ),
    "memory-announced": Hint(
        "Which bytes have come, and what did you allocate for them?",
        "The count or the length of a line went into malloc(), calloc() or realloc(), long before "
        "its words or bytes are there.",
        "Let the array double when a word is complete and finds no place. A word's bytes need no "
        "memory of the parser's: they lie in the window.",
    ),
    "memory-a-word": Hint(
        "How many bytes do you keep for one word, if it is empty and came in six?",
        "A word has a block of its own with malloc's overhead, a buffer of fixed size, or a "
        "struct with much more than a place and a length.",
        "A place and a length are 16 bytes, in one array for all words.",
    ),
    "memory-leak": Hint(
        "Which malloc() belongs to a request, which to the parser, and where is each one's free()?",
        "The array of a request is forgotten when the next begins, or resp_parser_free() frees "
        "the parser and not what it holds, maybe words of a request that never became complete.",
        "Keep the array for the next request, or free it before its pointer is overwritten. In "
        "resp_parser_free() free all that the parser holds at that moment, then itself.",
    ),
    "no-memory-spoils": Hint(
        "malloc() returned NULL. What does your parser hold now, and what does it say if it is "
        "asked again?",
        "It is told as an error of the bytes, which stays; or the old array is lost, since "
        "realloc() leaves it where it was.",
        "Return RESP_NO_MEMORY and change nothing before that: keep what realloc() returned in a "
        "variable of its own until you know that it isn't NULL.",
    ),
    "limit-too-low": Hint(
        "What are the limits, and is the limit itself still allowed?",
        "A limit is smaller than the protocol's, or it is compared with '>=' where the largest "
        "legal value is meant, or an int can't hold it.",
        "Take the limits from resp.h, and refuse only what is above. Use size_t for lengths and "
        "their sums.",
    ),
    "quadratic": Hint(
        "What does your parser do again at each call that it did at the call before?",
        "It begins at the window's start, searches the data for CR LF, or copies what it has. "
        "With n pieces that is n times n. Or for each request of one piece something is done with "
        "all the rest of the window.",
        "Keep the place that is reached, with the words and the length found before it, and go on "
        "there. If the end of the word isn't in the window yet, return at once: its bytes need no "
        "look. Let arrays double when they grow.",
    ),
    "3.8 wrong-size": Hint(
        "What should be returned for a room of 0?",
        "What was written is returned, or 0, or an error, where the caller wants to learn how "
        "much room to make. Or the sum lacks a CR LF, or a digit of a length.",
        "Return the size of the whole, written or not. Count the digits of each length: 9 and 10 "
        "differ.",
    ),
    "reply-bytes": Hint(
        "At the first byte that differs: which part of the form is it?",
        "A length counts other bytes than the data's, a CR LF is missing behind the data, an "
        "empty word or array is left out, or a number is printed in 32 bits.",
        "Write '*', the number of words, CR LF; and for each word '$', its length, CR LF, its "
        "bytes, CR LF. No words: *0 and CR LF alone. For integers ':', '-' if negative, digits of "
        "the 64-bit magnitude, CR LF.",
    ),
    "written-too-far": Hint(
        "What may be written if one byte of the whole has no room?",
        "Nothing: a beginning without its end helps nobody. The code writes piece by piece and "
        "stops when it is full, or snprintf() puts its NUL where no room is.",
        "Compare the whole size with room before the first byte. Write digits byte by byte or "
        "into a buffer of your own, since snprintf() always adds a NUL.",
    ),
}

HINTS: dict[str, Hint] = _DIAGNOSES | {
    f"3.{number} sanitizer": _SANITIZER for number in range(1, 10)
}
