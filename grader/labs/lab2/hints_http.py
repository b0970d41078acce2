"""Hints of lab 2's HTTP server and client, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

_SERVER: dict[str, Hint] = {
    "2.23": Hint(
        "From the bytes of a request to the bytes of its reply: what does each step need to know, "
        "and is it all there when the step begins?",
        "The head is read before it is complete, the target is not decoded, a field of the reply "
        "is missing, or the body is not the file's bytes.",
        "Wait for the empty line; split the first line and the fields; drop the query, decode the "
        "path, open the file; send a status line, Date, Content-Length, Content-Type, an empty "
        "line, and for GET the file, chunk by chunk.",
    ),
    "no-reply": Hint(
        "The whole request is there. For what does your server wait?",
        "For more input, for a line end of another kind, or for an event that never comes: nobody "
        "looks at the rest of the input when a reply is complete, or open() waits.",
        "Answer as long as whole heads are there: when input comes, and again when a reply has "
        "gone out. Open files with O_NONBLOCK, since a FIFO may be among them.",
    ),
    "body-short": Hint(
        "Who sends the rest of a file when the kernel took only a part, and who closes the "
        "connection meanwhile?",
        "The next chunk is never sent, or the connection ends before the last one, or "
        "Content-Length is not the size of the file.",
        "Send a chunk, and the next one from on_drained, until the file ends. Only then finish, or "
        "answer the next request. When the client has ended its side, it is still owed all.",
    ),
    "body": Hint(
        "Where in the file does each chunk begin, and how is its size known?",
        "Bytes are sent twice, or not at all, or a text function stopped at a NUL.",
        "Send exactly as many bytes as read() returned, and count down what is left.",
    ),
    "out-of-step": Hint(
        "How does a client find the end of a reply and the begin of the next?",
        "More or fewer bytes follow the head than it says: a body behind HEAD, or an error page "
        "with another length.",
        "Count what you send, and say that. HEAD gets the head of GET, and nothing behind it.",
    ),
    "reply-malformed": Hint(
        "What stands between the parts of the head?",
        "Lines end with CR LF, a name with a colon, the head with an empty line.",
        "Compare your head with the example in the handout, byte by byte.",
    ),
    "status-404": Hint(
        "Which errors of open() say that there is no such file, and what if it is a folder?",
        "A name that is not there, or is too long, or leads through a file, or is a folder, is "
        "taken for a file or for the server's own trouble.",
        "404 for ENOENT, ENOTDIR, ELOOP and ENAMETOOLONG, and for what fstat() says is no regular "
        "file.",
    ),
    "status-405": Hint(
        "Which methods does your server know, and what does it tell a client with another one?",
        "Each request is taken for a GET, or methods are compared without their case.",
        "Compare the method byte by byte; answer others with 405, and name GET and HEAD in Allow.",
    ),
    "status-500": Hint(
        "open() fails, and the file is there. Whose fault is that?",
        "Every failure of open() is taken for a file that does not exist.",
        "Look at errno: what does not say that the name is wrong is the server's trouble, 500.",
    ),
    "head-fields": Hint(
        "What does a client want to learn by HEAD?",
        "How large the file is and of which type, without getting it. An answer of its own says "
        "something else.",
        "Open the file for HEAD as for GET, send the same head, and leave out the body.",
    ),
    "no-date": Hint(
        "Which field must every reply of a server with a clock have?",
        "Date is missing.",
        "gmtime_r() and strftime(), with the names of days and months in English.",
    ),
    "date": Hint(
        "In which zone is the time that your server says, and how many digits has a day?",
        "It is local time, or the form is not that of RFC 9110, section 5.6.7.",
        "Use gmtime_r(), two digits for each number but the year, and GMT at the end.",
    ),
    "not-kept": Hint(
        "After which replies does an HTTP/1.1 connection end?",
        "It is closed after each reply, as in HTTP/1.0; or the server says 'close' and means no "
        "harm.",
        "Close after a request that says close, of HTTP/1.0 without keep-alive, or malformed.",
    ),
    "stays-open": Hint(
        "Who tells this client that it has all of the reply?",
        "The end of the connection does, and the server waits for another request.",
        "Look at the version and at Connection, whatever the case of its words; it is a list.",
    ),
    "answers-after-close": Hint(
        "A client says 'close'. What is a request that comes behind that?",
        "Nothing: the client does not expect a reply to it.",
        "Note that the reply is the last, and look at no further input.",
    ),
    "content-type": Hint(
        "How does a browser know what to do with a file?",
        "By Content-Type, which goes by the suffix of the file's name.",
        "Look at the path that is opened: decoded, without a query, with index.html where that was "
        "added.",
    ),
    "no-allow": Hint(
        "What could a client do next, after 405?",
        "Use a method that is allowed; the reply has to name them.",
        "Send the field Allow with each 405.",
    ),
    "2.23 memory-unbounded": Hint(
        "Where are the bytes of a large file while the client does not read?",
        "In your buffers: all of it was read and sent at once.",
        "Read the next chunk when on_drained says that the last one is gone.",
    ),
}

_HOSTILE: dict[str, Hint] = {
    "2.24": Hint(
        "What would somebody send who wants to harm your server?",
        "Something is believed that a client sent: a path, a length, that the rest will come.",
        "Refuse what the grammar does not allow, close where nobody knows how a request ends, "
        "bound what is kept, and open files in a way that can't leave the folder.",
    ),
    "escape": Hint(
        "At which moment do you look at the path: before it is decoded, or after? And what does "
        "the kernel do with a link?",
        "'..', an encoded slash or a link leads out of the folder.",
        "Decode first, once. Then open one component after the other below the folder, with "
        "O_NOFOLLOW, and refuse '..'; or use openat2() with RESOLVE_BENEATH.",
    ),
    "escape-status": Hint(
        "What does fstat() say of what you opened, and where did the string end?",
        "It is no file of the folder: a FIFO, a device, or a name that a NUL cut short.",
        "Refuse %00 and a bad '%', and everything but regular files.",
    ),
    "no-error-reply": Hint(
        "How does the author of a client find out that it sends nonsense?",
        "The connection is closed without a word.",
        "Send 400, and finish the connection.",
    ),
    "2.24 status-400": Hint(
        "Which sentence of the grammar does this request break?",
        "A split that is too generous: blanks around a name, a missing colon, a missing or second "
        "Host, digits that are none.",
        "Check each part: tokens, single blanks, the version's eight bytes, one Host, digits only.",
    ),
    "framing-unknown": Hint(
        "Where does the request end whose length can't be read?",
        "Nobody knows. What comes behind may be its body, or another request.",
        "Answer 400 and finish: nothing behind it is looked at.",
    ),
    "smuggled": Hint(
        "What has your server done with the body of the request?",
        "It was left in the input, and taken for the next request.",
        "Read Content-Length bytes and drop them, or close after the reply. Close if there is a "
        "transfer coding that you do not read.",
    ),
    "head-unbounded": Hint(
        "How long do you wait for the end of a head?",
        "As long as bytes come, and all of them are kept.",
        "Refuse when HTTP_HEAD_BOUND bytes are there, and no end.",
    ),
    "half-request": Hint(
        "What does the end of input mean in the middle of a head?",
        "That the rest never comes. The server waits for it.",
        "In on_end: when nothing is left to answer, finish.",
    ),
    "shrunk-file": Hint(
        "What did the head promise, and what can you still send?",
        "The file ends before Content-Length does; what is sent instead is taken for the file.",
        "When read() returns 0 too early, close the connection.",
    ),
    "2.24 body-short": Hint(
        "The file ends before Content-Length bytes were sent. What does your server wait for?",
        "For bytes that will not come, and the client waits too.",
        "When read() returns 0 too early, close the connection.",
    ),
}

_CLIENT: dict[str, Hint] = {
    "2.25": Hint(
        "Three things can tell where the body ends. Which one holds for this reply?",
        "Content-Length, chunks, or the end of the connection: one of them is not looked at, or "
        "is believed when it is wrong.",
        "Read the head up to its empty line. With Transfer-Encoding: chunked read chunks; else "
        "with Content-Length so many bytes; else up to the end.",
    ),
    "request-line": Hint(
        "Which part of the URL goes into the request's first line?",
        "The path and the query, as they are; '/' where there is no path; never the fragment.",
        "Cut the URL at the first '/', '?' or '#' behind the host, and at '#'.",
    ),
    "host": Hint(
        "How does a server with many names know which one you mean?",
        "By Host, which is the URL's authority, with its port.",
        "Send what stands between 'http://' and the path.",
    ),
    "2.25 does-not-end": Hint(
        "The body is complete, and the server keeps the connection. For what do you wait?",
        "For the end of the connection, which does not come.",
        "Count: after Content-Length bytes, or after the last chunk and its empty line, it is "
        "over. On a silent server, --timeout ends the wait.",
    ),
    "2.25 exit-status": Hint(
        "What would a script believe that sees only the exit status?",
        "That it has the file: a reply was malformed or cut short, or was an error.",
        "0 needs a 2xx status, and a body that ended as it said. Numbers that are none, too large, "
        "or said twice are errors.",
    ),
}


def _of(stage_id: str, hints: dict[str, Hint]) -> dict[str, Hint]:
    """The hints of one stage: that of the stage itself, and those of its diagnoses."""
    return {
        key if key.startswith("2.") else f"{stage_id} {key}": hint for key, hint in hints.items()
    }


# A later one of the same name is the better one: what goes wrong in 2.23 may also in 2.24.
HINTS: dict[str, Hint] = (
    _of("2.24", _SERVER) | _of("2.23", _SERVER) | _of("2.24", _HOSTILE) | _of("2.25", _CLIENT)
)
