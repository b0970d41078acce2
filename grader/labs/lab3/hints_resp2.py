"""Hints of lab 3's extensions, the client and RESP2, by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

_CLIENT = {
    "request-words": Hint(
        "Which words did you type, which did the client send, and where did it make one of the "
        "other?",
        "A word of the command line was split, dropped because it is empty, or taken for an option "
        "though it stands behind HOST and PORT; or a line was cut at a buffer's size, or split at "
        "blanks within quotes.",
        "Every word behind PORT is the command's, as it is. Let getopt() stop at the first word "
        "that is no option. In a line, quotes keep blanks together and vanish, a line may be long, "
        "and a word is bytes with a length.",
    ),
    "printed-form": Hint(
        "How does the handout print this kind of reply, byte for byte?",
        "A quote, a backslash, a control character or a byte above 126 was printed as it is; or a "
        "text, a number, an error or an empty array has another form; or words are not numbered "
        "from 1.",
        "(error), (integer) and (empty array) stand as in the handout. Words are numbered and "
        "quoted, and other bytes are escaped as in C, or as \\x and two hexadecimal digits, for "
        "as many bytes as the word has.",
    ),
    "not-all-printed": Hint(
        "Your client ended, and something was still to be printed. What, and why did it end?",
        "The first piece of a reply was taken for all of it, a kind of reply is printed in no "
        "way, a long one did not fit into a buffer, or an error of one call ended the program: "
        "its own words are below.",
        "While the parser says RESP_MORE, read on, into a buffer that grows. Print each kind of "
        "reply, and flush stdout before main returns.",
    ),
    "3.14 wrong-byte": Hint(
        "10,000 commands are on their way. Which one is the first that is wrong, and what came "
        "before it in your buffers?",
        "A line was cut where a read() ended, a request or a reply was left out or repeated, or a "
        "reply was printed from bytes that had moved meanwhile.",
        "Keep what is behind the last line, or the last reply, for the next read(). Print a reply "
        "before you move or overwrite its bytes.",
    ),
    "3.14 bytes-missing": Hint(
        "Which commands or replies are left out, and which buffer held them last?",
        "What came behind a line or a reply in the same read() was dropped, or a write() took a "
        "part only.",
        "After each reply go on at its end, with what is there, until RESP_MORE. Write until all "
        "is gone.",
    ),
    "3.14 bytes-repeated": Hint(
        "Why does your client look at the same bytes twice?",
        "The place was not moved behind a line or a reply that is done, or a short write() was "
        "made anew from the start.",
        "Move on by the size that the parser told, and by the count that write() returned.",
    ),
    "3.14 closed-early": Hint(
        "What made your client end while replies were due?",
        "The end of its input was taken for the end of its work; or both directions were shut "
        "down, or an error reply ended it.",
        "At the end of input shut down sending only, and go on until each command has its reply, "
        "or the server leaves.",
    ),
    "3.14 reset-not-closed": Hint(
        "What lay unread in the socket when your client closed it?",
        "Replies: it ended without reading them, and its kernel answered with a RST.",
        "Read and print all replies that are due before you close the socket or return from main.",
    ),
    "3.14 not-connected": Hint(
        "What did your client say before it ended, and which of its words did it not like?",
        "A word behind PORT that looks like an option was taken for one; or connect() was not "
        "called, or failed.",
        "Options stand before HOST. Whatever stands behind PORT is the command's: let getopt() "
        "stop at the first word that is no option.",
    ),
}

_SERVER = {
    "3.15 reply-form": Hint(
        "How does Redis answer this command, and how does your server without --resp2?",
        "The form is that of the simplified protocol, a length is not that of the bytes behind "
        "it, or a command that only Redis has got the reply of an unknown one.",
        "With the option: a bulk string or $-1 for GET, +PONG or the word for PING, the word for "
        "ECHO, as many bytes as the word has. Without it PING is no valid command.",
    ),
    "inline-words": Hint(
        "Which words does this line hold, and where does it end?",
        "A CR, a blank or a quote became a part of a word, an escape was not decoded, an empty "
        "line was answered, or a line that had not come whole was taken for one, or is looked for "
        "at a place that belongs to the line before.",
        "What begins with another byte than '*' goes up to LF, over several pieces if need be, "
        "and the next request starts right behind it. Give words_split() the line; no words are "
        "no request.",
    ),
    "not-refused": Hint(
        "What is wrong with this request, and who should have seen it?",
        "It was done, or answered, though no continuation makes it right: too many words, a quote "
        "without its end, bytes behind a quote, a line or a length beyond its limit.",
        "Check the number of words before a command is done. Where resp2_parse() finds an error, "
        "'-ERR', a text and the end are due.",
    ),
    "error-form": Hint(
        "Where does an error end for the client that reads it, and what did you put into it?",
        "It begins in another way than '-ERR ' and a text; or the client's own bytes are in it, "
        "and among them is a CR or a LF.",
        "Write '-ERR', a blank, a text and CR LF. Of a word of the client's put in only what can "
        "be printed, and no more of it than a line should have.",
    ),
    "reply-count": Hint(
        "How many replies did this one request get, and where does the first of them end?",
        "It got two; or an error was cut in two by a CR LF of the client's own; or an array has "
        "more elements, or a bulk string more bytes, than its number says.",
        "Write each reply in one place, count its elements and bytes, and put nothing into an "
        "error's text that could end it.",
    ),
    "no-reply": Hint(
        "Does this request get a reply at all, and a whole one?",
        "Nothing was written; or the number of elements or bytes is too large, so that the client "
        "waits for what never comes; or the line is still thought to be a beginning.",
        "Answer each request at once with one whole reply. Count an array's elements (a map has "
        "two for each pair). A line without LF is an error from its byte 65,537 on.",
    ),
    "reply-malformed": Hint(
        "At which byte does this stop being a reply, and which of your commands wrote it?",
        "A line without a type byte, a number with a blank or a sign, a size that counts other "
        "bytes than those that follow, or no CR LF at the end.",
        "Each value is a type byte, its number or text, CR LF; a bulk string then has as many "
        "bytes as it said, and CR LF. Write all of them with the same few functions.",
    ),
    "resp3-unasked": Hint(
        "Which version of the protocol did this client ask for, and where do you keep that?",
        "A map, or another type of RESP3, went to a client that speaks RESP2: it never sent HELLO "
        "3, or sent HELLO 2 since, or another client did.",
        "Keep the version for each connection, 2 at first. With 2 a map is an array of keys and "
        "values by turns, and null is $-1.",
    ),
    "reply-tree": Hint(
        "Draw the reply as a tree. Which of its arrays has ended when yours ends?",
        "An element that is an array was counted for the array around it, a null was given bytes "
        "or elements, or the first array to end was taken for the end of all.",
        "For each array that is open keep how many elements are missing. An element that is "
        "complete counts for the innermost one, and one that becomes complete by it counts for "
        "the next.",
    ),
    "3.15 exit-status": Hint(
        "Is this a reply of RESP2, down to its last byte?",
        "A null was not taken, or something was that is no reply: a length of -2, other bytes than "
        "CR LF behind a string, arrays deeper than 32. Then the status should be 1, with words.",
        "-1 alone makes a null, of '$' and of '*'. Look at each byte between the values, and stop "
        "at the 33rd array in one another before you keep anything for it.",
    ),
    "3.16 reply-form": Hint(
        "Which reply is due here, and which one came?",
        "The reply of another request, one in RESP3 for a client that went back to RESP2 by HELLO "
        "2, or bytes of ECHO that are treated as text.",
        "One reply for each request, in their order, none for an empty line. Null is $-1 unless "
        "this very client asked for RESP3. ECHO gives the word's own bytes.",
    ),
    "3.16 closed-early": Hint(
        "Which request of the tools ended the connection, and did it break the framing?",
        "A command that your server does not know was taken for an error that nothing can follow.",
        "Only bytes that break the framing end a connection. Whatever else you don't know gets "
        "'-ERR' and a text.",
    ),
}

HINTS: dict[str, Hint] = _CLIENT | _SERVER
