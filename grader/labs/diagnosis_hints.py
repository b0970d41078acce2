"""Hints by diagnosis, for the servers and clients of any lab."""

from __future__ import annotations

from grader.labs.hints import Hint

DIAGNOSES = {
    "ended-early": Hint(
        "Why does your program end here? Look at its own words below.",
        "It took an error of one call, or of one connection, for the end of everything.",
        "Decide for each failing call: try again, give up this connection, or end. Only what "
        "makes all work impossible ends the program. SIGPIPE is ignored, at the start of main.",
    ),
    "spins": Hint(
        "Which call in your loop returns at once, again and again?",
        "After the end of file read() returns 0 at once, for ever; after an error it fails at "
        "once.",
        "Leave the loop when read() returns 0, and on errors other than EINTR. 'strace -p PID' "
        "shows the call.",
    ),
    "impatient": Hint(
        "What does your server do while a client says nothing?",
        "A timeout, or EAGAIN, is taken for the end of the stream.",
        "Only read() == 0 is the end. Wait as long as the client wants.",
    ),
    "not-accepted": Hint(
        "Where is your program while this connection waits to be accepted?",
        "It waits for something else, or it has stopped calling accept().",
        "accept() has to be reached again after each client, and while others are served.",
    ),
    "not-read": Hint(
        "For what does your program wait while this client's bytes lie there unread?",
        "It waits in a call for another client, or for this one to take what was written.",
        "Nothing that one client does, or fails to do, may keep the program from reading the "
        "others.",
    ),
    "children-stay": Hint(
        "What does a child do when its client has left?",
        "It goes on after the loop, or waits for something that never comes.",
        "Leave the child with _exit() as soon as its client is served.",
    ),
    "no-half-close": Hint(
        "How does the server learn that your client has nothing more to send?",
        "Nothing is sent at the end of the input, so the server waits for more.",
        "Call shutdown() for the sending direction at end of input, and go on receiving.",
    ),
    "wrong-reply-taken": Hint(
        "How does your client know that a datagram is the reply to this line?",
        "It takes whatever comes, or looks at a part of it only.",
        "Compare length and bytes with what was sent; pass over everything else.",
    ),
    "no-retry": Hint(
        "What does your client do when nothing has come for --timeout milliseconds?",
        "It waits for ever, or gives up, where it should send the line again.",
        "Bound the wait with poll() or SO_RCVTIMEO, and send again until all tries are used.",
    ),
    "gave-up-early": Hint(
        "What does ECONNREFUSED say of a UDP socket, and for how long?",
        "An ICMP message reported that nobody listened. Somebody may a moment later.",
        "Treat it as a loss: wait until the time of this try is over.",
    ),
    "line-not-flushed": Hint(
        "You see the line in your terminal, and the grader does not. What is different about its "
        "standard output?",
        "stdio flushes at each line end only on a terminal. Into a pipe it waits until its buffer "
        "is full.",
        "Flush stdout right after the line.",
    ),
    "line-malformed": Hint(
        "Compare your line with the one in the handout, character by character. Does it end?",
        "The grader reads one whole line: listening on ADDRESS:PORT.",
        "Print exactly this line, with a line end, on standard output, and flush it.",
    ),
    "port-byte-order": Hint(
        "How are the two bytes of a port ordered in memory, and how on the wire?",
        "A port in a sockaddr is in network byte order, the higher byte first. Your machine keeps "
        "the lower byte first.",
        "Convert with htons() on the way in, and with ntohs() on the way out.",
    ),
    "wrong-port": Hint(
        "Who knows which port the kernel chose for port 0?",
        "The number on the line is not the one that the socket is bound to.",
        "Ask getsockname() after bind(), and convert with ntohs().",
    ),
    "usage-status": Hint(
        "What does your program do with an option or a value that it does not know?",
        "The number is taken as it comes (atoi() makes 0 of nonsense), or the program goes on, or "
        "it exits with another status.",
        "Check the whole text of the value and its range before any socket is made. Print the "
        "usage line on stderr and return 2 from main.",
    ),
    "waits-for-more": Hint(
        "How many bytes had come when your server went to sleep, and what is it waiting for?",
        "fgets() and getline() wait for a line end, fread() and MSG_WAITALL for a full buffer. "
        "stdio may also hold the reply back.",
        "Use read() or recv() once, and write at once what it gave.",
    ),
    "stops-at-nul": Hint(
        "Which functions stop at a zero byte?",
        "The length of the data is taken with strlen(), or it is printed with %s or fputs().",
        "Use the count that read() returned, everywhere.",
    ),
    "buffer-sent-whole": Hint(
        "Which length does your write() get?",
        "The size of the buffer is written, not the number of bytes in it.",
        "Pass the count that read() returned.",
    ),
    "newline-added": Hint(
        "Where does the extra line end come from?",
        "puts() and println-like helpers add one, and so does a format that ends in one.",
        "Write the bytes with write() or send(), and nothing else.",
    ),
    "no-end-of-file": Hint(
        "What does your server do when read() returns 0, and who has this socket open then?",
        "The FIN goes out when the last copy of the descriptor is closed. A loop that does not "
        "stop at 0, or a process that keeps a copy after fork(), keeps the connection open.",
        "Leave the loop at 0 and close the descriptor; after fork() close it in the parent at "
        "once.",
    ),
    "reset-not-closed": Hint(
        "What had not been read yet when the socket was closed?",
        "close() with unread input sends a RST, and a RST destroys what is still under way to the "
        "client. A process that dies does the same.",
        "Read until end of file before you close, and look at why the loop was left early.",
    ),
    "closed-early": Hint(
        "What made the server leave its loop?",
        "It closes after one message, or takes an error or a short count for the end.",
        "Only read() == 0 is the end. -1 with EINTR or EAGAIN is not, and neither is a short "
        "count.",
    ),
    "bytes-missing": Hint(
        "What did write() return where bytes are missing?",
        "It took a part only, and the rest was dropped.",
        "Write in a loop: advance by what was taken, until all is gone.",
    ),
    "bytes-repeated": Hint(
        "After a short write: from where does your program go on?",
        "It starts again at the beginning of the buffer, or does not subtract what was taken.",
        "Advance the pointer and reduce the length by the return value of write().",
    ),
    "one-at-a-time": Hint(
        "Where is your program while the first client says nothing?",
        "It sits in read() for that client, or waits for its child, and nobody calls accept().",
        "accept() has to be reached again at once: hand the connection to a child or a thread, "
        "and do not wait for that. In a loop, wait with "
        "poll() for all sockets together.",
    ),
    "memory-unbounded": Hint(
        "Where do the bytes wait that the client does not take?",
        "They wait in your own memory: the program reads on whether or not its output goes out.",
        "While output waits for a client, do not read from this client. TCP's flow control then "
        "stops the sender.",
    ),
    "fault-read": Hint(
        "What if read() returns three bytes of a hundred?",
        "The program expects that one read() returns all that was sent.",
        "Take each count as it is, and go on.",
    ),
    "fault-write": Hint(
        "What if write() takes two bytes of a hundred?",
        "The return value of write() is not looked at, or not used to go on with the rest.",
        "Write in a loop until nothing is left.",
    ),
    "fault-eintr": Hint(
        "What does your program do if a call returns -1, and errno is EINTR?",
        "An interrupted call did nothing, and can be made again. The program takes it for an "
        "error or for the end.",
        "Repeat the call after EINTR, in one helper for each of read, write and accept.",
    ),
    "fault-aborted": Hint(
        "A client left before accept() took it from the queue. Whose problem is that?",
        "accept() fails with ECONNABORTED, which concerns that one connection.",
        "Call accept() again.",
    ),
    "fault-emfile": Hint(
        "Will accept() work again later, after EMFILE?",
        "No descriptor was free at that moment. The client still waits in the queue.",
        "Wait a little, or until a connection was closed, and call accept() again.",
    ),
    "fault-mix": Hint(
        "Which of your calls goes wrong when the one before it was cut short?",
        "Short counts and EINTR meet: after an interruption the program starts again at the wrong "
        "place, or counts the -1.",
        "Look at each return value before you use it: -1 with EINTR moved nothing; any other count "
        "moved just that much.",
    ),
    "child-holds-listener": Hint(
        "Which descriptors does a child inherit from fork()?",
        "All of them. A child that keeps the listening socket keeps the port busy after its "
        "parent's death.",
        "Close the listening socket as the first thing in the child.",
    ),
    "address-in-use": Hint(
        "Which state are connections in after the side that closed first is done, and for how "
        "long?",
        "In TIME_WAIT, for a minute on Linux. bind() refuses their port unless SO_REUSEADDR is "
        "set.",
        "Set SO_REUSEADDR on the new socket, after socket() and before bind().",
    ),
    "zombies": Hint(
        "Who waits for a child that has ended, and how often?",
        "Nobody calls wait(), or a handler calls it once for each signal: but pending signals of "
        "one kind are one signal, so some children are missed.",
        "Ignore SIGCHLD, so that the kernel reaps; or call waitpid() with WNOHANG until it finds "
        "none, and keep errno in the handler.",
    ),
    "busy-when-idle": Hint(
        "Which call in your loop returns at once, again and again?",
        "Often: a read that returned 0 is not taken for the end, or poll() watches for POLLOUT "
        "with nothing to write.",
        "'strace -p PID' shows the call. Wait only for what the program would act on.",
    ),
    "spins-without-descriptors": Hint(
        "What has changed between two calls of accept() that both fail with EMFILE?",
        "Nothing: the client waits in the queue, so the socket stays readable, and the call fails "
        "at once each time.",
        "Sleep a little after EMFILE, or leave the listening socket out of poll() until a "
        "connection was closed.",
    ),
    "both-block": Hint(
        "Draw the four buffers between the two programs. Which are full?",
        "Each side waits in write() until the other reads, and neither reads.",
        "Never stop receiving while you send: two threads, or poll() with a non-blocking socket.",
    ),
    "one-address-only": Hint(
        "Which entries did getaddrinfo() return, and how many did you try?",
        "The first one has no server behind it, on this machine; another one has.",
        "Walk the list until connect() succeeds.",
    ),
    "wait-restarts": Hint(
        "From when on does your client count the time?",
        "The wait starts anew with each datagram, so a stream of others keeps it from ever ending.",
        "Compute the moment when the wait ends once for each try, and pass poll() what is left of "
        "it.",
    ),
    "datagram-cut": Hint(
        "How large is your buffer, and how large can a datagram be?",
        "recvfrom() drops what does not fit.",
        "Make the buffer as large as the largest datagram: 65,507 bytes of data over IPv4.",
    ),
    "log-incomplete": Hint(
        "Which bytes are neither logged nor counted as dropped?",
        "A record that found the queue full is not counted, or the count is never printed, or "
        "lost when it is set back.",
        "Add to the count and take it under the same mutex as the queue, and wake the logger for "
        "it.",
    ),
    "log-mixed": Hint(
        "Who owns the memory that a record points to?",
        "It is shared between threads, and changed before the logger has printed it.",
        "Copy what the logger needs into the record.",
    ),
}
