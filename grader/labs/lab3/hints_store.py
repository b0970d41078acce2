"""Hints of lab 3's server and client, by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

_LARGE = Hint(
    "Which call of yours does something with all bytes of the large value, for each piece that "
    "comes?",
    "The window of 64 MiB is copied or parsed anew for each piece, or its capacity grows by a "
    "fixed amount; or memory was refused, and that was not told.",
    "Let the parser go on where it was, and let buffers double. Answer -ERROR if there is no "
    "memory for a value.",
)

_DIAGNOSES = {
    "output-unbounded": Hint(
        "Where do 40 MB of replies wait for a client that does not read?",
        "In your memory: each request that came is answered, whether or not its client takes the "
        "replies.",
        "Before each request ask connection_is_full(). While it is, leave the rest of the input "
        "unused: then nothing more is read from this client, and TCP stops it.",
    ),
    "spins-when-full": Hint(
        "Requests wait in your input, and the client takes no reply. What does the loop tell you "
        "in each turn?",
        "That more can be read, or your own code looks at the same requests again and again.",
        "Return from on_data when the connection is full. The connection asks for no input until "
        "its output has gone out, and then shows you the rest.",
    ),
    "3.13 memory-leak": Hint(
        "A value of 64 MiB was replaced by a small one. Who still holds 64 MiB?",
        "The old value was not freed, or there is a copy of it: in the request's words, in a "
        "buffer that grew once and never shrinks, or in one for replies.",
        "Free what kv_put() replaces. Read the words where they lie in the window and write the "
        "value straight to its place. Give back a buffer that became large for once.",
    ),
    "values-leak": Hint(
        "A value was replaced, or deleted, or sent. Who holds its bytes, and who lets go of them?",
        "kv_put() forgets the block of the old value, kv_del() frees the entry and not its value, "
        "or GET makes a copy that nobody frees.",
        "Free the old block when the new one is there, and all that an entry owns when it goes. "
        "GET needs no copy: connection_send() makes its own.",
    ),
    "client-leak": Hint(
        "What did you allocate for this client, and in which function do you free each of it?",
        "on_close is missing, or it frees the client and not its parser, which holds the places "
        "of the words that came.",
        "Give on_close a function that frees the parser with resp_parser_free(), and then the "
        "client. It is called once, whatever ended the connection.",
    ),
    "keys-collide": Hint(
        "How long is the longest chain of your table now, and could you have chosen these keys "
        "yourself?",
        "The number of buckets stays as it was, or keys with the same hash can be found with a "
        "pencil or a short program: sums, products with 31 or 33, FNV from its public start, only "
        "the first or the last bytes.",
        "Double the buckets when there are as many keys, and move all entries. Hash all bytes of "
        "a key with SipHash and 16 secret bytes from getrandom(), which are new in each run.",
    ),
    "3.10 wrong-byte": Hint(
        "What does the table of the protocol say about the reply to this command, byte for byte?",
        "Another reply than the one that is due: a bulk string where an array is due, $-1 where "
        "the word nil is, a number that counts something else, or the value of another key.",
        "An array for GET, with one element a word of the value; *1, $3, nil if the key is "
        "absent; a count for DEL, in which a key counts once. Keys are equal if length and all "
        "bytes are.",
    ),
    "3.10 other-number": Hint(
        "Which of the keys that this DEL names are in the store, and which of them did you find?",
        "A key was counted twice or not at all, an entry was lost when another one of its chain "
        "was deleted, or a value such as the word nil is taken for an absent key.",
        "Count each key that kv_del() finds and removes. To take an entry out of its chain, let "
        "the link that led to it lead to the next one.",
    ),
    "3.10 wrong-case": Hint(
        "Which word may be written in any case, and which keep their bytes?",
        "All words of the request were made upper-case, not just the name of the command.",
        "Compare the name without regard to the case of ASCII letters, and change nothing in the "
        "request.",
    ),
    "extra-bytes": Hint(
        "To which request does this further reply belong?",
        "An empty array was answered, one request got two replies, or something follows the last "
        "CR LF: a NUL, or a line end too many.",
        "One reply for each request with words, none for *0. Send the size that the encoder "
        "returned, and texts without their NUL.",
    ),
    "3.11 extra-bytes": Hint(
        "How many requests come behind bytes that break the framing?",
        "None: no boundary can be trusted. The server went on, and answered what it took for "
        "requests; or it sent -ERROR again.",
        "After RESP_ERROR send one -ERROR, and parse nothing more from this connection.",
    ),
    "wrong-byte": Hint(
        "What is due at this place by the protocol, and which line of yours wrote something else?",
        "The reply has another form, or is that of another request, or a word's length and bytes "
        "don't belong together.",
        "Compare the bytes on the card with the table of the protocol from the type byte on; "
        "'make explain' names each of them.",
    ),
    "waits-for-more": Hint(
        "The request is complete. For what does your server wait before it answers?",
        "For another byte, another piece, or room that is there already; or the reply lies in a "
        "buffer that nobody flushes.",
        "Call resp_parse() until it says RESP_MORE each time that input comes, and send the "
        "replies before on_data returns.",
    ),
    "3.14 waits-for-more": Hint(
        "The reply, or the line, is complete. What keeps your client from going on?",
        "It waits for more bytes than there are (a full buffer, another line), or what it printed "
        "lies in stdio's buffer, since its output is no terminal.",
        "Take what one read() gives, and print each reply when it is complete. Flush stdout "
        "before you wait again.",
    ),
    "stops": Hint(
        "Which request is the first without a reply, and what has your server still to do with it?",
        "It answers one request for each piece that comes, stops when its output was full and is "
        "never called again, or waits for a piece that it has already.",
        "Parse until RESP_MORE. What on_data leaves unused because the connection is full is "
        "shown again when there is room: nothing else may be needed to go on.",
    ),
    "3.14 stops": Hint(
        "How far did it get, and who waits for whom at this point?",
        "The client sends all its commands before it reads a reply, and the server stops reading "
        "when its replies are not taken; or only one reply is printed for each read().",
        "Receive while you send: a thread for each direction, or one loop with non-blocking "
        "calls. Parse replies until RESP_MORE.",
    ),
    "stops-at-buffer-size": Hint(
        "Which buffer of yours has this size, and what happens to a reply that is larger?",
        "Only what fits into it is sent, or parsed, and the rest is forgotten.",
        "Send a long reply in parts, or from where it is kept. Let the input grow with what came.",
    ),
    "stops-at-nul": Hint(
        "Which functions stop at a zero byte?",
        "A word went through strlen(), strcpy() or %s; words are bytes with a length.",
        "Copy with memcpy() and compare with memcmp() and the lengths, everywhere.",
    ),
    "byte-dropped": Hint(
        "Who takes away a CR, a LF or a NUL inside a word?",
        "Something treats the word as a line of text, and trims it.",
        "Bytes between a word's length line and its last CR LF are data, whatever they are.",
    ),
    "bytes-missing": Hint(
        "Which bytes did not come, and what was done with them last?",
        "A reply was dropped: the buffer was full, a write took a part only, or an error in one "
        "request made an end of those before it.",
        "connection_send() takes all that you give. Flush what you collected in a buffer of your "
        "own before it is full, and before on_data returns.",
    ),
    "bytes-repeated": Hint(
        "Why was this reply sent twice?",
        "The request was shown again, as on_data's return value said that it was not used; or a "
        "buffer of replies was not emptied when it was sent.",
        "Return the sum of the sizes of all requests that were answered. Set your buffer's length "
        "to 0 when it is sent.",
    ),
    "buffer-sent-whole": Hint(
        "Which length does connection_send() get?",
        "The size of a buffer instead of the number of bytes in it, or bytes were never written "
        "because they did not fit.",
        "Pass the size that the encoder returned, if it is at most the room that it had.",
    ),
    "upper-case": Hint(
        "Which words may be written in any case?",
        "Only the command's name. Keys and values keep their bytes.",
        "Compare names without regard to case, and leave the words as they are.",
    ),
    "closed-early": Hint(
        "Which replies were still due when the connection ended, and what ended it?",
        "-ERROR for a command that is not valid was taken for an error of the framing; or the "
        "half-close of a client ended it while requests or replies waited.",
        "Only RESP_ERROR ends a connection, by connection_finish(), which sends all that waits "
        "before. A command that is not valid gets -ERROR, and the next one its reply.",
    ),
    "3.13 closed-early": Hint(
        "The value was replaced while its 64 MiB were on their way. Where do the bytes come from "
        "that are still to be sent?",
        "From the block of the old value, which is freed; so send() fails, or sends what lies "
        "there now.",
        "What was asked for is a copy (connection_send() makes one), or a block that is freed "
        "when its last reader has it.",
    ),
    "reset-not-closed": Hint(
        "What lay unread in the socket when your server closed it?",
        "Bytes behind the error: close() answers unread input with a RST, and that destroys the "
        "replies which the client has not read yet (RFC 2525, section 2.17).",
        "Send what is due, then FIN by shutdown(), then read and drop until the client ends, for "
        "a second at most, and only then close: connection_finish() does all this.",
    ),
    "no-end-of-file": Hint(
        "Everything was answered, and the client has half-closed, or has sent nonsense. Who ends "
        "the connection?",
        "Nobody: after an error it goes on being read, or the end of the stream is not seen while "
        "bytes of an incomplete request are left.",
        "After RESP_ERROR call connection_finish(). At the end of the stream a request that is "
        "cut short gets no reply: answer what is complete, and finish.",
    ),
    "not-read": Hint(
        "Bytes of this client wait in the kernel. What does your server do instead of reading "
        "them?",
        "It waits for somebody else, or has stopped reading because of output that is gone by now.",
        "Reading stops only while the connection is full, and goes on when its output has gone "
        "out. Nothing may wait for one client alone.",
    ),
    "other-kind": Hint(
        "Which kind of reply does this command have in the table of the protocol?",
        "One kind was sent for another, such as a text where an array is due.",
        "SET: +OK. GET: an array. DEL: an integer. What is no valid command: -ERROR.",
    ),
    "3.14 exit-status": Hint(
        "What should a script learn from your client's status here?",
        "An error reply is not told by the status, or the end of the server is taken for the end "
        "of the work though a reply is owed; or the reply itself is malformed.",
        "0 if all commands were answered, 1 if the one command's reply was an error or something "
        "failed, with words on stderr.",
    ),
    "3.14 extra-bytes": Hint(
        "What did your client print that is no part of a reply?",
        "A prompt, an echo of the command, or a line end too many went to stdout.",
        "On stdout print replies only, one line for each or for each word. A prompt is for "
        "terminals, words about errors are for stderr.",
    ),
    "3.15 wrong-byte": Hint(
        "How does Redis answer this command, and how does your server without --resp2?",
        "The form is that of the simplified protocol, or a command that only Redis has got the "
        "reply of an unknown one.",
        "With the option: a bulk string or $-1 for GET, +PONG or the word for PING, the word for "
        "ECHO. Without it PING is no valid command.",
    ),
    "3.15 closed-early": Hint(
        "With which byte did the last request begin, and may it do so here?",
        "A line that does not begin with '*' was taken for an error of the framing, or an unknown "
        "command for one.",
        "With the option such a line is a request: words between blanks, up to LF or CR LF. An "
        "error in a command gets '-ERR', and the connection goes on.",
    ),
}

HINTS: dict[str, Hint] = _DIAGNOSES | {
    f"3.13 {name}": _LARGE for name in ("stops", "waits-for-more", "not-read", "spins")
}
