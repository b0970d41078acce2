"""Hints of lab 4's remote procedure calls, by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

HINTS: dict[str, Hint] = {
    "4.11 crash": Hint(
        "Which divisions end a program on this processor?",
        "Those by zero, and INT32_MIN by -1, whose quotient does not fit: both raise SIGFPE, and "
        "all clients lose their server. Or a timer's callback used a connection that was gone.",
        "Compare before you divide, and fail with the text of rpc.h. Let a request learn that its "
        "connection has ended, and drop its answer.",
    ),
    "4.11 sanitizer": Hint(
        "Does the report speak of arithmetic, or of memory that was freed?",
        "A product of two int32_t, or INT32_MIN divided by -1, overflows; or a timer fires for a "
        "request whose connection, or which itself, was freed.",
        "Convert to int64_t before you multiply. Give each connection the list of its requests "
        "that wait, and at its end tell each of them; the answer then frees the request, and goes "
        "nowhere.",
    ),
    "4.12 sanitizer": Hint(
        "Which length has the text that came from the server, and who freed the call?",
        "A text was printed with %s, which looks for a NUL behind its end; results were read from "
        "fewer bytes than they need; or a call was used after its on_reply.",
        "Print so many bytes as the reply has. Compare the results' size before you read them. "
        "Take a call out of the list before on_reply is called, and free it once.",
    ),
    "reply-order": Hint(
        "A call waits for its timer. Which line of yours keeps the next call from being answered?",
        "The server sleeps, or answers in the order of the calls, or Delay's timers are not set "
        "with their own time, in milliseconds.",
        "Let Delay set a timer of the loop for its request and return. Whatever is done is "
        "answered at once; the request id tells the client which it is.",
    ),
    "reply-missing": Hint(
        "Some calls of this connection wait. Which others could you answer now?",
        "The server sleeps, answers in the order of the calls, takes one call of several that "
        "come together, or gives a later call the timer of an earlier one.",
        "Let Delay set a timer of its own for its request, and return. Take calls in a loop as "
        "long as whole ones are there; what is done is answered at once.",
    ),
    "delay-limit": Hint(
        "Is 60000 above 60000?",
        "The comparison lets one too few pass: >= for >.",
        "Refuse with 'too long' what is greater than 60000, as an unsigned number; all else waits.",
    ),
    "call-limit": Hint(
        "How many of a connection's calls wait now, and which lines of yours make this number "
        "grow and shrink?",
        "Nothing bounds it; or answered calls, or those of other clients, count as well; or the "
        "bound is one too small, or ends the connection.",
        "Count in the connection: one more when a call is taken, one less when it is answered, "
        "at once or later. Above RPC_MOST_CALLS the new call, and it alone, fails with 'too many "
        "calls'.",
    ),
    "replies-mixed": Hint(
        "The first reply is not for the first call. How does your client find out for which?",
        "It gives each reply to the oldest call, or to the one with the same call id, or keeps "
        "results until earlier calls have theirs.",
        "Keep the calls that wait by their request id, and look there for each reply. Print a "
        "result when it comes.",
    ),
    "stray-reply": Hint(
        "What do you do with a reply whose request id none of your waiting calls has?",
        "It is taken for the oldest call's, or for malformed, or counted as an answer; or NULL is "
        "followed. An answered call may still be in the list.",
        "Take a call out of the list when it ends. A reply that then finds nobody is skipped by "
        "its size, and the next one is looked at.",
    ),
    "calls-left": Hint(
        "How many calls wait when your client ends, and how does it know?",
        "The first reply ends it, or a reply counts for more than one call.",
        "Count the calls that were sent, and one less with each on_reply. At none stop the loop.",
    ),
    "call-missing": Hint(
        "The client is connected. Which bytes has it sent, and what does it wait for?",
        "Nothing was sent, or less than header and request id: the call was never encoded, its "
        "sending failed unseen, or the loop does not run.",
        "Encode the call into one frame, give it to connection_send(), and run the loop.",
    ),
    "calls-not-sent": Hint(
        "Several calls are in one command. What keeps the second from being sent?",
        "It waits for the first one's reply, or the words behind the first call are not looked at.",
        "Send all calls, then run the loop once. This is what request ids are for.",
    ),
    "request-id-reused": Hint(
        "Two calls of one procedure wait, and a reply comes. For which is it?",
        "The request id is always the same, or the procedure's number.",
        "A counter in the client: one more for each call.",
    ),
    "text-too-long": Hint(
        "Who says where the server's text ends?",
        "It was printed with %s, which goes on to the next zero byte, into the next reply.",
        "Print so many bytes as the reply's size says: fwrite(), or %.*s.",
    ),
    "timeout-late": Hint(
        "When was your timer set, for how long, and what moves it?",
        "No timer is set, or not with --timeout's milliseconds; or each byte that comes starts it "
        "anew, so that a server that drips is waited for without end.",
        "Set one timer for each call, with timeout_ms, when the call is sent, and touch it again "
        "only to clear it.",
    ),
    "called-again": Hint(
        "The time is over. Was the procedure executed?",
        "Nobody knows, and your client calls it once more: it may run twice.",
        "Tell the user of the timeout, and end. Who knows that a procedure may run twice can call "
        "again.",
    ),
    "timeout-early": Hint(
        "From when do you count, and in which unit?",
        "Milliseconds were taken for microseconds, the timeout was cut down, or a reply to "
        "another call ended this one.",
        "One timer of the loop for each call, set with timeout_ms when the call is sent. A reply "
        "with an unknown request id is dropped, and changes nothing.",
    ),
    "other-words": Hint(
        "What does the user learn from these words?",
        "Not what the server said, or not whether it was a timeout. A text may be as long as the "
        "results would be, longer than your buffer, or hold a '%'.",
        "For status 1 print the text of the reply, all its bytes, never as a format. After a "
        "timeout, and only then, say the word timeout.",
    ),
    "4.12 exit-status": Hint(
        "Which of the ways in which a call may end is taken for a result here?",
        "A reply is used although its call id, its status or its size is wrong, or an error gives "
        "0, or a result after it makes 0 of 1 again.",
        "Compare call id, status and the size of the results with what this procedure has. Only "
        "then print, and return 0; everything else is 1.",
    ),
    "4.12 does-not-end": Hint(
        "What can still come for this call?",
        "Nothing: the connection is gone, the reply was malformed, or the time is over; and the "
        "loop runs on.",
        "End each call that waits when the connection ends, and when a reply can't be read. When "
        "the last call has ended, stop the loop.",
    ),
    "waits-for-more": Hint(
        "The call is complete. For what does your server wait before it answers?",
        "For a whole buffer, a byte more than payload_size says, or a turn of the loop that never "
        "comes.",
        "Take calls from the window as long as whole ones are there: 8 + payload_size bytes each. "
        "A reply is sent when its procedure answers.",
    ),
    "stops": Hint(
        "Which call is the first without a reply, and was it looked at?",
        "One call is taken for each piece that comes, and the others wait for the next piece; or "
        "a reply was dropped.",
        "Take calls in a loop, drop what they took from the front of the window, and keep the "
        "rest.",
    ),
    "wrong-byte": Hint(
        "At the first byte that differs: is it the call id, the size, the request id, the status, "
        "or a result?",
        "payload_size does not count request id and status, the status has four bytes, a product "
        "has 32 bits, an id is not the call's, or a number has its bytes the other way round.",
        "Call id and request id come back as they came, all 32 bits. payload_size is 5 and the "
        "results' size. The product has eight bytes, quotient and remainder four each, all with "
        "the lowest byte first.",
    ),
    "bytes-missing": Hint(
        "Which part of the reply did not come?",
        "The size is wrong, or a reply was dropped when the output was full.",
        "Send a whole frame with one connection_send(), which takes all that you give.",
    ),
    "bytes-repeated": Hint(
        "Why was this call answered twice?",
        "It was shown again, as on_data's return value said that it was not used; or a request "
        "was answered twice.",
        "Return the sum of the sizes of all calls that were taken. A request ends with its first "
        "answer.",
    ),
    "buffer-sent-whole": Hint(
        "Zeros came where other bytes are due. Is the upper half of a number lost, or is more "
        "sent than was written?",
        "A number went through a smaller type; or the size is that of a buffer or of a struct, "
        "instead of the frame's.",
        "Send 8 + payload_size bytes, each of which you have written, and numbers in full.",
    ),
    "4.11 extra-bytes": Hint(
        "To which call does this reply belong?",
        "One call was answered twice; or a call behind malformed bytes was answered; or a frame "
        "is longer than its payload_size says.",
        "One reply for each call. After malformed bytes take nothing more, and finish.",
    ),
    "4.12 extra-bytes": Hint(
        "What does your client print besides the result?",
        "More than the result went to stdout: words, a prompt, or a line end too many.",
        "One line with the result on stdout; words about errors on stderr.",
    ),
    "stops-at-nul": Hint(
        "Which functions stop at a zero byte?",
        "Bytes were handled as a string, and most bytes of a message are zero.",
        "Use sizes, memcpy() and memcmp(), nothing that starts with str.",
    ),
    "stops-at-buffer-size": Hint(
        "Which buffer of yours has this size?",
        "Frames that are larger, or lie across its end, are lost.",
        "Keep the window as the connection shows it, and use only whole frames of it.",
    ),
    "byte-dropped": Hint(
        "Who takes away a byte that looks like a line end?",
        "A frame was handled as text.",
        "Every value of every byte is legal in a frame.",
    ),
    "upper-case": Hint(
        "Which bytes of a frame are letters?",
        "None: they are numbers, and a text of the server's that stays as it is.",
        "Change no byte that you did not compute.",
    ),
    "closed-early": Hint(
        "Which replies were still due, and what ended the connection?",
        "A half-closed client was closed although its calls wait; or an unknown procedure was "
        "taken for malformed bytes; or replies before malformed bytes were not sent.",
        "At the client's end of stream wait for the answers to all its calls, then finish. Status "
        "2 is a reply, and the connection goes on. connection_finish() sends what waits before it "
        "ends.",
    ),
    "reset-not-closed": Hint(
        "What lay unread in the socket when your server closed it?",
        "Bytes behind a malformed frame: close() answers unread input with a RST, which destroys "
        "replies on their way.",
        "End by connection_finish(), which sends what waits, then FIN, and drops what still comes.",
    ),
    "no-end-of-file": Hint(
        "Who ends the connection when the last reply has gone out?",
        "Nobody: the end of the stream was not noted, or a malformed frame is waited for, or a "
        "request that was answered still counts.",
        "Note that the client has half-closed, and finish when no request of it waits. Refuse a "
        "header that can't be right at once.",
    ),
    "descriptor-leak": Hint(
        "The client was reset while a call waits. Who closes its socket, and when?",
        "Nobody before the timer fires, 50 seconds later; or never.",
        "The connection ends when its client does. The request stays until it is answered, knows "
        "that its connection is gone, and is freed then.",
    ),
    "busy-when-idle": Hint(
        "Which call in the loop returns at once, again and again?",
        "A descriptor stays ready that nobody reads, or a timer is set with 0 ms anew.",
        "'strace -p PID' shows it. After the end of a stream ask for no more input.",
    ),
    "4.12 wrong-byte": Hint(
        "Is it your call that differs, or what you printed?",
        "A call: payload_size lacks the request id, or arguments have another width or order of "
        "bytes. A line: another format, or the results were read in the wrong width.",
        "A call's payload is request id and arguments, 4 and 8 bytes here. Print the product as "
        "one number of 64 bits; quotient and remainder with a blank between them.",
    ),
    "4.12 waits-for-more": Hint(
        "The reply is complete. For what does your client wait?",
        "It wants more bytes than payload_size says, looks at the window only when a whole reply "
        "comes at once, or has printed into stdio's buffer, which is not flushed while calls wait.",
        "Look at the window each time that bytes come. When a reply is whole, print its results "
        "and flush. After the last one stop the loop, and return from main.",
    ),
    "4.12 stops": Hint(
        "How much was printed, and which replies had come by then?",
        "Of two replies that came together one was looked at, and the other waits for more bytes; "
        "or a part of the line lies in stdio's buffer.",
        "Take replies in a loop as long as whole ones are there. Print the whole line, and flush.",
    ),
}
