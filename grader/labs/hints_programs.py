"""Hints by diagnosis for how programs start and end, for labs 3 and 4."""

from __future__ import annotations

from grader.labs.hints import Hint

HINTS: dict[str, Hint] = {
    "line-missing": Hint(
        "Your program listens. Who tells the port to somebody who asked for port 0?",
        "The line 'listening on ADDRESS:PORT' is never printed, or goes to stderr.",
        "Print it on stdout as soon as listen() has succeeded, with the port from getsockname(), "
        "and flush.",
    ),
    "not-listening": Hint(
        "Which of socket(), bind() and listen() did your program reach?",
        "None of its sockets listens: a call is missing or failed, or the program waits in "
        "something before it.",
        "Listen before the loop runs, then print the line, then run the loop. 'strace -f' shows "
        "the calls.",
    ),
    "refused": Hint(
        "Who listens on this port now?",
        "Nobody: the line was printed before listen(), or the listening socket was closed after "
        "it.",
        "Print the line after listen() has succeeded, and keep the listening socket for as long "
        "as the program runs.",
    ),
    "not-connected": Hint(
        "What did your client say before it ended, and which call failed?",
        "It ended without a connection: its arguments were refused, or connect() was never "
        "called, or with another port.",
        "HOST and PORT are the two words behind the options. getaddrinfo() makes addresses of "
        "them; try each until connect() succeeds.",
    ),
    "does-not-end": Hint(
        "Everything is said. For what does your client wait?",
        "For more input, more replies than it asked for, or the end of a thread that sleeps in "
        "read().",
        "End when what was asked for has come, or can't come any more: each of these leads to one "
        "place that returns the status from main.",
    ),
    "exit-status": Hint(
        "Which status tells a script that all went well, that something failed, that it was "
        "called wrongly?",
        "An error is printed, and the program returns 0 all the same; or it ends by a signal, or "
        "with another number.",
        "0, 1 and 2, in this order. Carry the result to main, and return it there.",
    ),
    "silent-error": Hint(
        "What would a user see of this failure?",
        "Nothing: the status says it, and stderr has no word.",
        "Print the program's name and what went wrong on stderr, for each way that ends with 1.",
    ),
    "no-usage-line": Hint(
        "How does somebody who called your program wrongly learn what is right?",
        "The status is 2, and nothing is printed on stderr.",
        "Print one line with the program's name, its options and its arguments before you return "
        "2.",
    ),
}
