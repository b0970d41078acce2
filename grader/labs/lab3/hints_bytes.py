"""Hints of lab 3 by what wrong bytes of RESP show (grader/wire/guess_resp.py)."""

from __future__ import annotations

from grader.labs.hints import Hint

HINTS: dict[str, Hint] = {
    "nul-appended": Hint(
        "How long is the text that you sent, and how long is its array?",
        "sizeof of a string counts the NUL at its end; so does strlen() plus one.",
        "Send as many bytes as the form has: no byte follows the last LF.",
    ),
    "line-end-doubled": Hint(
        "How many CR LF stand behind a reply?",
        "The text has its own, and another one was added, maybe by puts().",
        "One CR LF ends a line, and one the data of a word.",
    ),
    "extra-reply": Hint(
        "How many requests with words came, and how many replies did you send?",
        "An empty array was answered, or an error was told in addition to a reply.",
        "One request, one reply; *0 gets none.",
    ),
    "extra-request": Hint(
        "How many commands were there in the input, and how many did your client send?",
        "A command was sent twice, or an empty line became a request.",
        "One command, one request; a line without words is none.",
    ),
    "replies-missing": Hint(
        "How many requests came in one piece, and how many did your server look at?",
        "It answers one for each read() and waits for more; the others are there already.",
        "Parse until RESP_MORE, each time that bytes come.",
    ),
    "requests-missing": Hint(
        "How many commands were there in the input, and how many did your client send?",
        "It waits for a reply before it sends the next, or takes one line for each read().",
        "Send whatever the input holds, and count the replies that are owed.",
    ),
    "replies-reordered": Hint(
        "In which order did the requests come, and when is each reply sent?",
        "A reply that is ready sooner overtakes another: two buffers, or an error that is sent at "
        "once.",
        "Let all replies of a connection go through one queue, in the order of the requests.",
    ),
    "requests-reordered": Hint(
        "In which order were the commands typed?",
        "Some are sent from another buffer than the others.",
        "Send all of them from one place, in order.",
    ),
    "reply-skipped": Hint(
        "Which request got no reply, and what is special about it?",
        "A path through your command's code ends without a reply, or the request was thrown away.",
        "Each request with words has one reply: see that each way out of the function adds it.",
    ),
    "bare-lf": Hint(
        "Which two bytes end a line?",
        "Only LF was written, as in a text file.",
        "Write CR and LF behind each line and behind each word's data.",
    ),
    "bare-cr": Hint(
        "Which two bytes end a line?",
        "Only CR was written, and LF is missing.",
        "Write CR and LF, in this order, behind each line and behind each word's data.",
    ),
    "lf-cr": Hint(
        "In which order do CR and LF come?",
        "They are swapped: carriage return is 13, line feed is 10.",
        "CR first, then LF, everywhere.",
    ),
    "escaped-line-ends": Hint(
        "How many bytes is a line end?",
        "A backslash and a letter were sent for each: an escape within an escape.",
        "The two bytes 13 and 10 are meant.",
    ),
    "no-line-ends": Hint(
        "What separates the number of words from the first word?",
        "Nothing: no CR LF was written at all.",
        "Write CR LF behind each line and behind each word's data.",
    ),
    "length-counts-crlf": Hint(
        "Which bytes does a length count?",
        "The CR LF behind the data is counted in it: each length is two too many.",
        "A length is that of the data alone.",
    ),
    "length-counts-nul": Hint(
        "Which bytes does a length count?",
        "The NUL at the end of a string is counted: sizeof, or strlen() plus one.",
        "A length is that of the data alone, and words have no NUL at their end.",
    ),
    "length-too-short": Hint(
        "Which bytes does a length count?",
        "One or more of the data's bytes are not counted: the length was found by a search, or "
        "one was subtracted.",
        "Write the word's own len, and so many bytes.",
    ),
    "array-of-one": Hint(
        "Which replies are arrays, and which stand by themselves?",
        "A text or an integer was wrapped into an array.",
        "+OK, -ERROR and integers are sent bare. Only the value that GET gives is an array.",
    ),
    "bulk-not-array": Hint(
        "What is the reply to GET if the value is one word?",
        "A bulk string by itself was sent, as Redis does; in this protocol a value is an array of "
        "its words.",
        "Send *1 before it, also for a single word.",
    ),
    "null-bulk": Hint(
        "What does this protocol send for a key that is absent?",
        "$-1 was sent, which is Redis' null; it does not exist here without --resp2.",
        "Send an array with one word, nil.",
    ),
    "null-array": Hint(
        "What does this protocol send for a key that is absent?",
        "*-1 was sent, which is Redis' null array; it does not exist here.",
        "Send an array with one word, nil.",
    ),
    "empty-array": Hint(
        "What does this protocol send for a key that is absent?",
        "An array of no words was sent.",
        "Send an array with one word, nil.",
    ),
    "bulk-for-line": Hint(
        "Which replies have a length line?",
        "A text or an integer was sent as a bulk string.",
        "+OK, -ERROR and integers are one line each.",
    ),
    "type-byte-missing": Hint(
        "What does a client look at first in a reply?",
        "The type byte, which is missing here.",
        "Begin each reply with '+', '-', ':' or '*', and each word with '$'.",
    ),
    "wrong-case": Hint(
        "Which bytes of a request may be compared without their case?",
        "The name of the command. A key, a value or a reply was changed, too.",
        "Compare, and change nothing: words keep their bytes, and texts stand as in the protocol.",
    ),
    "last-lf-missing": Hint(
        "With which byte does a reply end?",
        "The last CR went out, and the LF behind it did not: the size is one too small.",
        "Count both, and send both.",
    ),
    "last-crlf-missing": Hint(
        "What follows the data of the last word?",
        "Nothing was written there; CR LF is due behind data as behind a line.",
        "Write CR LF behind each word's data, and count it in the size.",
    ),
    "wrong-count": Hint(
        "What does the number behind '*' count?",
        "Something else was counted: the words of the request, with name and key, or bytes.",
        "It is the number of elements that follow.",
    ),
    "printed-unsigned": Hint(
        "Which number does a negative one become if it is called unsigned?",
        "It was printed with a format or a conversion for unsigned numbers.",
        "Write '-' first, then the digits of the magnitude.",
    ),
    "cut-to-32-bits": Hint(
        "How many bits has an integer of this protocol, and how many has an int?",
        "It went through an int, or %d: the upper half is lost.",
        "Use int64_t all the way, and uint64_t for the magnitude.",
    ),
    "least-integer": Hint(
        "What is the negative of the least integer of 64 bits?",
        "It does not fit, and negating it is undefined.",
        "Take the magnitude in uint64_t, by subtraction from 0.",
    ),
    "other-number": Hint(
        "What does this integer count?",
        "For DEL the keys that were there: a key that is named twice counts once, one that is "
        "absent not at all.",
        "Delete one key after the other, and count those that existed when their turn came.",
    ),
    "error-text": Hint(
        "What is an error in this protocol, byte for byte?",
        "Another text was sent than the one that is due.",
        "-ERROR and CR LF, with no more words; only with --resp2 it is -ERR and a text.",
    ),
    "other-text": Hint(
        "Which text is due for this command?",
        "Another one was sent.",
        "+OK for SET, in upper case.",
    ),
    "words-joined": Hint(
        "How many elements has the reply to GET?",
        "The value was put together with blanks, and sent as one word.",
        "Keep a value as its words: one element for each.",
    ),
    "words-split": Hint(
        "May a word hold a blank?",
        "The value was split at blanks, which belonged to its words.",
        "Words end where their length says. Nothing else separates them.",
    ),
    "words-trimmed": Hint(
        "Do blanks at the end of a word belong to it?",
        "They were cut off as if the word were a line of text.",
        "Words keep their bytes: copy them by their length.",
    ),
    "empty-word-dropped": Hint(
        "Is a word of length 0 a word?",
        "It was left out, or taken for the end.",
        "Count it, keep it, and send it as $0 with nothing in it.",
    ),
    "first-word-only": Hint(
        "How many words may a value have?",
        "Only the first one was kept.",
        "All words behind the key are the value.",
    ),
    "words-reversed": Hint(
        "In which order were the words put together?",
        "From the last to the first.",
        "Keep the order of the request.",
    ),
    "3.10 other-value": Hint(
        "Was this key there, and is it the same key by length and bytes?",
        "Another key's value was found, or the key was not deleted: keys are compared in part, or "
        "up to a NUL.",
        "Two keys are equal if their lengths are, and all their bytes.",
    ),
    "value-missing": Hint(
        "Where was this key put, and where was it looked for?",
        "It is not found again: the hash takes bytes behind the key, the table grew and the entry "
        "was not moved, or the key was cut at a NUL.",
        "Hash and compare the key's own bytes, by its length. When the table grows, each entry "
        "goes to its new bucket.",
    ),
    "negative-length": Hint(
        "Which lengths are there below 0?",
        "None: a number that was never set, or a difference that went wrong, was printed.",
        "Lengths are size_t, and printed as such.",
    ),
    "lenient-number": Hint(
        "Of which bytes does a length consist?",
        "A blank or a sign was written before the digits.",
        "Digits alone, without a leading zero.",
    ),
    "inline-command": Hint(
        "How does a request begin?",
        "A line of text was sent, as one types it to Redis.",
        "Send an array of bulk strings, with one for each word.",
    ),
    "element-kind": Hint(
        "What are the elements of a request?",
        "One was sent as an integer, a text or an array.",
        "Each word is a bulk string: '$', length, CR LF, bytes, CR LF.",
    ),
    "sign-lost": Hint(
        "What stands before the digits of a negative number?",
        "The magnitude was written without '-'.",
        "Write '-' for what is below 0, then the digits.",
    ),
}
