"""Hints of lab 1, by stage."""

from __future__ import annotations

from grader.labs.diagnosis_hints import DIAGNOSES
from grader.labs.hints import Hint

STAGES = {
    "1.1": Hint(
        "Which four calls turn a number into a socket that clients can reach, and what does each "
        "of them return?",
        "One of socket(), setsockopt(), bind() and listen() failed or is missing, or the line is "
        "printed before all of them succeeded.",
        "Make the socket, set SO_REUSEADDR, bind it to 127.0.0.1 and the port in network byte "
        "order, listen, ask getsockname() for the port, "
        "print the line and flush it.",
    ),
    "1.2": Hint(
        "When does your server write: when bytes have come, or when it thinks that a message is "
        "complete?",
        "It waits for a line end or for a full buffer, or it closes the connection after the "
        "first message.",
        "Write back what one read() returned, then read again; leave the loop only at end of file "
        "or on an error.",
    ),
    "1.3": Hint(
        "How does your server know how many bytes to send back?",
        "Bytes from the network have no terminator. strlen(), %s, fputs() and a buffer without "
        "room for an added NUL all fail on some data.",
        "Keep the count that read() returned, and pass exactly that to write(). Add nothing to "
        "the buffer.",
    ),
    "1.4": Hint(
        "What does one read() return if the client's bytes arrive in three segments? And if two "
        "messages arrive in one?",
        "The server takes what one read() returned for a whole message, or waits for more before "
        "it answers.",
        "Treat the connection as a stream: each read() gives the next piece, of any length, and "
        "each piece goes back at once.",
    ),
    "1.5": Hint(
        "What does read() return when the client has finished sending, and what is still under "
        "way to the client at that moment?",
        "The server closes before everything is written, or does not see the end of file, or "
        "closes with input unread, which sends a RST.",
        "Read until 0; write all of each piece before the next read; only then close. The kernel "
        "delivers what was written.",
    ),
    "1.6": Hint(
        "What is left of the first client when the second one comes?",
        "The server ends after one client, keeps its descriptor open, or keeps some of its bytes.",
        "Put accept() in an endless loop, and close each connection when its client is done.",
    ),
    "1.7": Hint(
        "Where does your server wait while the first client is silent?",
        "It waits in read() for one client while others wait for it; or what belongs to one "
        "connection is shared with another.",
        "Give each connection a process or a thread of its own, or wait for all of them in one "
        "place with poll(). Nothing that one connection "
        "changes may belong to another.",
    ),
    "1.8": Hint(
        "What do read() and write() return after a RST, and what does write() do besides?",
        "read() fails with ECONNRESET, write() with ECONNRESET or EPIPE, and EPIPE comes with "
        "SIGPIPE, which ends the process.",
        "Ignore SIGPIPE at the start. On an error of one connection, close that connection and "
        "nothing else.",
    ),
    "1.9": Hint(
        "What happens to the echo of a client that never reads?",
        "Its bytes fill the kernel's buffers; then write() blocks. A server that waits there for "
        "one client keeps the others waiting; one "
        "that stores the bytes itself grows without end.",
        "Let only this client wait: in its own process or thread write() may block. In a loop, "
        "stop reading from it while its output waits.",
    ),
    "1.10": Hint(
        "What does write() return when the kernel has no room for all that you gave it?",
        "write() may take a part only. The rest has to be written by another call.",
        "Go on with the part that was not taken, until nothing is left.",
    ),
    "1.11": Hint(
        "For each system call: what does your program do if it moves one byte only, or returns -1 "
        "with EINTR?",
        "A short count or an interruption is normal, not an error; so is a failure of accept() "
        "that concerns one connection.",
        "Call again after EINTR; go on with the rest after a short write; go on accepting after "
        "ECONNABORTED and EMFILE.",
    ),
    "1.12": Hint(
        "Who still uses the port when the server is dead?",
        "Its closed connections are in TIME_WAIT, and its children may hold copies of the "
        "listening socket.",
        "Set SO_REUSEADDR before bind(), and close the listening socket in each child.",
    ),
    "1.13": Hint(
        "After the last client: which descriptors, which child processes, which loops are left?",
        "Something is closed on one path and not on another, a child is not waited for, or a call "
        "that fails at once is repeated at once.",
        "Close in one place; let the kernel or a loop of waitpid() reap all children; after "
        "EMFILE wait a little, or stop accepting until "
        "something was closed.",
    ),
    "1.14": Hint(
        "Which bytes are letters, and does the answer depend on the locale?",
        "toupper() follows the locale and takes an int that is not negative; only ASCII a to z "
        "change here.",
        "Compare with the two letters, and change the byte by their distance.",
    ),
    "1.15": Hint(
        "What does your client do while the server does not read? And while the user does not "
        "type?",
        "It does one thing at a time: it waits for input while bytes come, or sends while nobody "
        "prints.",
        "Run the two directions side by side: two threads, or poll() on both with a non-blocking "
        "socket. At end of input shut down sending "
        "only, and leave when the server closes.",
    ),
    "1.16": Hint(
        "How many addresses does a name have, and what if the first does not answer?",
        "getaddrinfo() returns a list, IPv6 and IPv4 mixed. Only one of its entries may have a "
        "server.",
        "Try each entry: a socket of its family, connect, and on failure close it and take the "
        "next.",
    ),
    "1.17": Hint(
        "Whom does a UDP server answer, and how long can a datagram be?",
        "There is no connection: the sender's address comes with each datagram. One that is "
        "longer than the buffer is cut without an error.",
        "recvfrom() into a buffer of at least 65,507 bytes, and sendto() the same bytes to the "
        "address that it filled in. Zero bytes are a datagram too.",
    ),
    "1.18": Hint(
        "What can happen to a datagram and to its reply, and how does your client tell these "
        "cases apart?",
        "Either may be lost, late or doubled. A reply that comes after the next try is still a "
        "reply to the same line.",
        "Note when the wait began on a monotonic clock; wait for the rest of the time, whatever "
        "else arrives; take only the bytes that were sent "
        "as the reply; count the tries.",
    ),
    "1.19": Hint(
        "Who waits for whom when standard output is stuck?",
        "A record that is added to a full queue has to wait or be dropped. If it waits, the echo "
        "waits too.",
        "Guard the queue with a mutex and a condition variable; count the bytes that find it "
        "full, under the same mutex; print in the logger's "
        "thread only, outside the mutex.",
    ),
}

HINTS = STAGES | DIAGNOSES
