"""Hints of lab 3, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs import hints_programs
from grader.labs.diagnosis_hints import DIAGNOSES
from grader.labs.hints import Hint
from grader.labs.lab3 import hints_bytes, hints_parser, hints_resp2, hints_store

STAGES = {
    "3.1": Hint(
        "What do you know when the first line has been read, and what after the first line of "
        "each word?",
        "A count or a length is not taken from its line, a place is off by a CR LF, or the "
        "request's count, words and size are not all set.",
        "Read '*', digits, CR LF; then, as often as that number says, '$', digits, CR LF, so many "
        "bytes, CR LF. Each word points to its bytes in the window, and size reaches behind the "
        "last CR LF.",
    ),
    "3.2": Hint(
        "The window ends in the middle of what you are reading. What do you answer, and what do "
        "you still know at the next call?",
        "A beginning is taken for an error, a byte behind the window is looked at, or what was "
        "kept points into a window that is gone.",
        "Before each byte ask whether it is there, for LF as well as for CR; if it isn't, "
        "RESP_MORE. Keep places as distances from the window's start, and make pointers of them "
        "when the request is complete.",
    ),
    "3.3": Hint(
        "Where does the second request begin, and what of the first one does your parser still "
        "hold then?",
        "size is not the request's own, or something is left of the last request: a place, a "
        "count, a length.",
        "On RESP_DONE size is what this request took, no more. The next window begins behind it, "
        "so the parser starts over: place 0, no words, no length that was read already.",
    ),
    "3.4": Hint(
        "How do you know where a word ends?",
        "Something looks into the data for a line end or a NUL (strlen, strstr, a search for CR "
        "LF), or an empty word or an empty array is taken for a missing one.",
        "Step over as many bytes as the length says, without a look at them, and then expect CR "
        "LF. A word of length 0 is a word, and an array of 0 words is a request.",
    ),
    "3.5": Hint(
        "Which bytes may stand in a length line, and which others does your way of reading a "
        "number take?",
        "strtol() and atoi() skip blanks, take signs, and stop at the first other byte. Or a type "
        "byte, the LF behind a CR, or the CR LF behind a word is never compared.",
        "Look at each byte: a type byte, digits (one at least, no leading zero but in 0 itself), "
        "CR, LF. 33 bytes without an end are an error. Note in the parser that it has failed, and "
        "say so at each later call.",
    ),
    "3.6": Hint(
        "Somebody sends 10 bytes that announce a million words. How much memory do you take at "
        "that moment?",
        "The array is allocated from the announced number; or a number is compared with its limit "
        "after it was multiplied, cut to fewer bits, or never.",
        "Compare each length with its limit as soon as its line ends. Let the array of words grow "
        "as words come, and take nothing for their bytes, which lie in the window.",
    ),
    "3.7": Hint(
        "A word of 8 MiB comes in pieces of 1 KiB. Which bytes does the 5,000th call look at?",
        "All that are there: it begins at the window's start, looks through the word for its end, "
        "or goes over the words that it has found.",
        "Keep the place that you got to, the words before it, and the length that was read. While "
        "the window is too short for the end of that word, answer RESP_MORE without a look at its "
        "bytes.",
    ),
    "3.8": Hint(
        "How do you know how many bytes it will be, before you write the first of them?",
        "The size is not the sum of what is written, or it is written until the room is used up; "
        "or an integer is printed with fewer than 64 bits.",
        "First add up: type byte, digits, CR LF, and for each word its data and CR LF too. If "
        "that is more than room, write nothing; return it in either case. Take the digits of a "
        "negative number from its magnitude as an unsigned one, since the least has no positive "
        "counterpart.",
    ),
    "3.9": Hint(
        "Which byte tells the kind of a reply, and what ends each kind?",
        "A text ends at the wrong place, an integer loses its sign or its upper bits, an array "
        "isn't read as in a request, or the kind is forgotten between two pieces.",
        "A text ends at the first CR LF; CR or LF alone belong to it. An integer is digits with a "
        "'-' at most before them, compared with what 64 bits hold before each digit is added. An "
        "array is what it is in a request.",
    ),
    "3.10": Hint(
        "Which word is the name, which the key, and which are the value? What does your server do "
        "if one is not there?",
        "Words are taken for strings of C, a value's words are joined or split, the number of "
        "words is not checked, or letters are compared in one case only.",
        "Compare names by length and bytes, ASCII letters in any case; check the number of words "
        "before you touch them. A value is its words, and GET gives an array of them, or one of "
        "the word nil. An empty array is passed over.",
    ),
    "3.11": Hint(
        "Bytes of the client still lie unread when you close. What does the kernel send then, and "
        "what becomes of replies on their way?",
        "close() with unread input sends a RST, which destroys them. Or the error goes out before "
        "the replies that are due, more than once, or never, or with a request behind it.",
        "Put the replies to all earlier requests out, then one -ERROR, then call "
        "connection_finish(), which sends FIN and drops what still comes. Tell on_data's caller "
        "that all bytes are used.",
    ),
    "3.12": Hint(
        "One read() brought a hundred requests. How many does your server answer, and when does "
        "it stop?",
        "One for each read, so that the others wait for bytes that never come; or all of them, "
        "although the client takes no reply and the output grows.",
        "Parse and answer until RESP_MORE, but stop while connection_is_full(). What was not used "
        "is shown again when there is room. The half-closed client gets all of its replies before "
        "the end.",
    ),
    "3.13": Hint(
        "65,536 keys are in your table. How many of them does one SET look at, and who can choose "
        "that?",
        "The table keeps its first size, or its hash can be computed by the client, who sends "
        "keys that fall together. Or a large value is copied once more than needed, or never "
        "freed.",
        "Double the buckets when there are as many keys, and use the keyed hash with a secret "
        "from getrandom(). Take memory for a value once, of the right size, and free what it "
        "replaces.",
    ),
    "3.14": Hint(
        "What does your client do while it waits for a reply: can it send, and can it read its "
        "input?",
        "It sends one command and waits; or it sends everything first and reads nothing "
        "meanwhile; or it prints what came before the reply is complete, or without making bytes "
        "readable.",
        "Let sending and receiving run side by side. Hand what came to resp_parse_reply() until "
        "RESP_MORE, print each reply in the form of the handout, and flush. At the end of input "
        "shut down sending, and stay until each command has its reply.",
    ),
    "3.15": Hint(
        "Which replies are others with --resp2, and which requests are understood that were "
        "errors before?",
        "A value is still an array, an absent one still the word nil, an error has no text, or a "
        "line that does not begin with '*' is refused.",
        "GET answers with a bulk string, or with $-1. An error is '-ERR', a blank and a text in "
        "one line. What begins with another byte than '*' is a line of words, up to LF or CR LF, "
        "and an empty one is no request. Without the option nothing changes.",
    ),
    "3.16": Hint(
        "Each request gets one reply. What happens to the next one if a reply has an element too "
        "few?",
        "A command of the tools has no reply, or two, or one whose number of elements isn't true; "
        "so the client takes what follows for a part of it.",
        "Answer each request with one complete reply, whatever it is: an empty array, a bulk "
        "string, +OK, or '-ERR' and a text. Count an array's elements, and in HELLO 3 a map's "
        "pairs.",
    ),
}

HINTS = (
    DIAGNOSES
    | STAGES
    | hints_programs.HINTS
    | hints_bytes.HINTS
    | hints_store.HINTS
    | hints_parser.HINTS
    | hints_resp2.HINTS
)
