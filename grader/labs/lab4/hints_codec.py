"""Hints of lab 4's codec, by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

_SANITIZER = Hint(
    "Which line of yours stands first in the report, and what did it know of the window's end, of "
    "the address, of the type?",
    "heap-buffer-overflow: a field was read before it was known to be there. misaligned address: "
    "an integer was read through a cast pointer. left shift: a byte was shifted as an int. "
    "invalid value for _Bool: a byte of 2 was copied into one. null pointer passed: memcpy() of "
    "an empty entry.",
    "Compare len with 8 and with 8 + payload_size before a field is read, and an entry's eight "
    "bytes and its length with what is left. Cast each byte to uint32_t before you shift it. Look "
    "at a flag as a byte. Call memcpy() only for sizes above 0.",
)
_CRASH = Hint(
    "How large is your largest array on the stack, and who chose its size?",
    "An array with as many elements as entry_count says is beyond the stack at some number; or a "
    "pointer is used that malloc() gave as NULL, or that a message without entries never had.",
    "Keep the entries in an array that the reader owns on the heap. Look at no entries if their "
    "count is 0.",
)

_DIAGNOSES = {
    "codec-hangs": Hint(
        "Which loop of yours is running, and which number that came from the wire decides when it "
        "ends?",
        "A count of four billion entries is gone through, or a place is moved on by a length of "
        "0, or by a sum that wrapped around, and comes back.",
        "Compare a count with the bytes that are left, divided by eight, before the loop; and "
        "leave it when a comparison fails. 'make debug' stops it where it is.",
    ),
    "driver-ended": Hint(
        "What did the driver say last, and which of your functions had it called?",
        "The program ended in the middle of a job: a module called exit(), or *message was given "
        "back with a type that is none, or with a count and no array.",
        "A module returns its errors and ends nothing. What the driver said is on the card; the "
        "head of labs/host/message_driver.c tells which job calls what.",
    ),
    "too-early": Hint(
        "How many bytes has this message, and how many are there?",
        "payload_size was taken for the size of the whole message, so that eight bytes are "
        "missing; or the end of the window is taken for the end of the message.",
        "A message is there if the window has 8 + payload_size bytes. Compare the sizes without "
        "the sum: what the window has behind the header, with payload_size.",
    ),
    "legal-refused": Hint(
        "Which rule of the protocol does this message break, in your code's view?",
        "A legal value is refused: 0, INT32_MAX, a seq or ack with its highest bit set, a message "
        "without entries, an empty entry. Or two fields are compared with each other, or a "
        "beginning is taken for an error.",
        "Refuse negative terms, indexes and ids, and no other numbers. Where bytes are missing in "
        "the window, the answer is MORE.",
    ),
    "4.8 refused": Hint(
        "How many empty entries fit into 16 MiB less 28 bytes?",
        "More than two million: the count is refused as too large, or compared with what the "
        "window holds instead of with the payload.",
        "A count is possible if eight times as many bytes fit into the payload. Until the payload "
        "has come, the answer is MORE.",
    ),
    "4.11 refused": Hint(
        "Who listens on this port now?",
        "Nobody: the line was printed before listen(), or the listening socket was closed after "
        "it.",
        "Print the line after listen() has succeeded, and keep the listening socket for as long "
        "as the program runs.",
    ),
    "not-found": Hint(
        "The message's last byte is there. Which one do you wait for?",
        "One behind the end, by a comparison that is off by one; or for eight more, since the "
        "header is counted twice; or the reader still holds something of the last message, such "
        "as its size, or a count of messages in a small type.",
        "A window of exactly 8 + payload_size bytes is enough. A reader needs no memory of "
        "earlier calls at all, apart from its array.",
    ),
    "message-touched": Hint(
        "Into which struct do you write while you don't know yet whether the message is right?",
        "Into the caller's: its fields are set one by one, and then a check fails or bytes are "
        "missing.",
        "Decode into a struct of your own, and assign it as a whole on MESSAGE_DONE.",
    ),
    "size-touched": Hint(
        "When does the caller look at *size, and what does it hold before?",
        "It is set as soon as the header is known, or to 0 at the start, and then no message is "
        "found.",
        "Set *size on MESSAGE_DONE, and on nothing else.",
    ),
    "result": Hint(
        "Which four results does message_reader.h have?",
        "Another number is returned: -1, an errno, or true.",
        "Return one of the four names, everywhere.",
    ),
    "no-memory": Hint(
        "For how many bytes did you ask, and from where is that number?",
        "malloc() got a size that wrapped around, or a count that is only announced; or a bound "
        "of your own, such as a fixed array, is reached.",
        "Let the array grow with the entries that are found. MESSAGE_NO_MEMORY is for an "
        "allocation that failed, and for nothing else.",
    ),
    "reader-grows": Hint(
        "What did the reader take for the message before this one, and who gives that back?",
        "Each message, or each entry, gets memory of its own, and the pointer to the old one is "
        "overwritten; also where a message turns out to be malformed in its middle.",
        "Keep one array in the reader, with its capacity, and use it again for the next message. "
        "Entries point into the window: their data needs no memory at all.",
    ),
    "reader-leaks": Hint(
        "What does a reader own when it is freed, after a message with entries?",
        "free() of the reader alone leaves its array of entries, or what was copied for them.",
        "Free all that the reader points to, and then the reader.",
    ),
    "readers-share": Hint(
        "Which of your variables stand outside of struct message_reader?",
        "A static array or a static note about the message that is coming serves all readers; a "
        "server has one reader for each connection, and their messages come in turn.",
        "Put all that is kept between two calls into the struct, or better keep nothing but the "
        "array.",
    ),
    "4.1 accepted": Hint(
        "Which types exist, and which payload sizes can each of them have?",
        "The type is not compared, only its lowest byte is, or a size that is too large passes "
        "where only one that is too small is refused; or the reader waits for a payload that is "
        "no use to it.",
        "Compare the whole 32 bits of the type with the four that there are. Types 1, 2 and 4 "
        "have one size; type 3 has at least 28 and at most MESSAGE_LARGEST_PAYLOAD. All that as "
        "soon as eight bytes are there.",
    ),
    "4.3 accepted": Hint(
        "What becomes of a byte 2 in a bool, and where do you look at the byte before?",
        "Nowhere: it is converted to true, or copied into the bool as it is.",
        "Take it as a uint8_t. 0 is false, 1 is true, the rest is malformed. A term is malformed "
        "above INT32_MAX.",
    ),
    "4.5 accepted": Hint(
        "Which of the six fields can be wrong by themselves, and where do you compare each of "
        "them?",
        "success above 1 is taken for true, or a negative term, id, log_index or follower_commit "
        "passes.",
        "The byte is 0 or 1. Four of the numbers are malformed above INT32_MAX, taken as "
        "unsigned; ack is not.",
    ),
    "4.7 accepted": Hint(
        "Which bytes of the payload did you look at when you said DONE, and was there one more, "
        "or one too few?",
        "A payload may be longer than its fields in your code; or the entries may be fewer or "
        "more than entry_count; or an entry reaches into the bytes behind the payload, which are "
        "the next message's.",
        "Let payload_size say where it ends, whatever the window holds. At the end of the entries "
        "no byte may be left and no entry be due. The term of each entry counts among those that "
        "are not negative.",
    ),
    "4.8 accepted": Hint(
        "Compute your comparison by hand with this number, in the types that it has there. What "
        "comes out?",
        "A sum or product wrapped around to a small number, or an int made it negative; both are "
        "'small enough'.",
        "Compare the length with what is left behind the entry's eight bytes, and the count with "
        "what is left divided by eight; nothing is added to either.",
    ),
    "accepted": Hint(
        "Which comparison of yours should have refused this, and in which type does it compare?",
        "There is none for this field, or it compares an int32_t that was never looked at as an "
        "unsigned number.",
        "Go through the list in message.h, above message_read: each sentence is one comparison. "
        "What is above INT32_MAX as an unsigned number is negative.",
    ),
    "error-forgotten": Hint(
        "After MALFORMED nothing was taken from the window. What is at its beginning at the next "
        "call?",
        "The same bytes, and they are as wrong as before. The reader goes on at some place behind "
        "them, or looks at what is new only.",
        "Begin at the window's start at each call, or note in the reader that it has failed.",
    ),
    "size": Hint(
        "Which bytes belong to a message besides its payload?",
        "The header's eight are missing, or counted twice; or the size is sizeof of a struct, "
        "with padding; or the entries' heads of eight bytes are left out.",
        "8 and the payload: 16, 5, 28 and the entries, or 21. For each entry add 8 and its "
        "length. *size and message_size are the same number.",
    ),
    "encode-result": Hint(
        "What does message_encode return if the message fits, and what if it does not?",
        "It returns the size of the payload, or what room it had, or the size although nothing "
        "was written.",
        "The whole size if it was written; 0 if not. A room of exactly that size is enough.",
    ),
    "written-too-far": Hint(
        "When do you know that the message fits: before the first byte, or when you come to the "
        "end?",
        "Some of it is written before it is known that the rest has no room.",
        "Ask message_size first, and return 0 if that is more than room. After this one "
        "comparison no write needs another.",
    ),
    "written-behind": Hint(
        "The message is right. Which of your writes goes on behind its last byte?",
        "Eight bytes are stored where four belong, all of the room is cleared, or a NUL is put "
        "behind the last entry's data.",
        "Write each field with just its width, and leave what is behind the message as it is: it "
        "may be another one's.",
    ),
    "encoded-bytes": Hint(
        "At the first byte that differs: of which field is it, and which of its four bytes?",
        "Another order of fields or of bytes, padding, a number of another width, or a size in "
        "the header that counts something else.",
        "Write the fields in the order of the handout's table, with a cursor, four bytes each and "
        "the lowest first; a flag is one byte. 'make explain' names the field at each offset.",
    ),
    "sent": Hint(
        "What can't be sent, and where do you look for it before you write?",
        "message_size gives a size for it, or message_encode does not ask message_size.",
        "Let message_size give 0 for an unknown type, for a negative term, index or id (also an "
        "entry's), and for a payload above MESSAGE_LARGEST_PAYLOAD; let message_encode ask it.",
    ),
    "4.8 sent": Hint(
        "What is the sum of these sizes in 32 bits?",
        "It wrapped around to a small number, or an int made it negative; the limit is compared "
        "with that.",
        "Add in 64 bits, the eight bytes of each entry included, and give up as soon as the sum "
        "is above MESSAGE_LARGEST_PAYLOAD. Do that before any byte is copied.",
    ),
    "4.6 sent": Hint(
        "What is the sum of all entries, and do you look at their data before you know it?",
        "The limit is compared with the data alone, or with the whole message, or each entry by "
        "itself; or the term of an entry is not looked at.",
        "The payload is 28 and, for each entry, eight and its length; added in 64 bits, and given "
        "up as soon as it is above the limit. A negative term in any entry can't be sent.",
    ),
    "field": Hint(
        "At which offset is this field, how many bytes has it, and where does your decoder read "
        "it?",
        "The field before it was read with another width, so that all behind it are shifted; a "
        "number goes through a type of 8 or 16 bits; or it was never set.",
        "Move one cursor by four for each number and by one for a flag. The offsets are in the "
        "handout's tables.",
    ),
    "other-field": Hint(
        "Which field stands here on the wire, and which one does your struct have at this place?",
        "The order of members in the struct was taken for the order on the wire, or two fields "
        "are swapped.",
        "Read in the order of the handout's table: in AppendEntries leader_commit, seq and "
        "entry_count come one after the other, and the entries last.",
    ),
    "big-endian": Hint(
        "Which byte of a number comes first here, and what does htonl() do about it?",
        "The order is the other one: htonl(), ntohl(), or shifts that put the highest byte first. "
        "A 7 becomes 117,440,512.",
        "The lowest byte comes first: it is number modulo 256, the next one number shifted by 8, "
        "and so on. That is right on every machine.",
    ),
    "entry-term": Hint(
        "Where does an entry begin, and what is the first of its fields?",
        "Term and length are swapped, or the place behind the last entry is off by its head or "
        "its data.",
        "Term, length, and so many bytes of data; the next entry begins directly behind them, "
        "aligned or not.",
    ),
    "entry-data": Hint(
        "To where does data point, and is it still there when the caller looks?",
        "It points to the entry's head, to another window than this call's, or to a copy that "
        "ends at a NUL or was freed.",
        "Let data point into the window of this call, behind the eight bytes of the entry's head. "
        "size is its length, and no NUL belongs to it.",
    ),
    "memory-announced": Hint(
        "Which bytes have come, and for what did you take memory?",
        "For entry_count entries, of which none has come; or for the payload that is announced.",
        "Wait with the entries until the payload is there. Then compare the count with its bytes "
        "divided by eight, and only then take the array; or let it grow with each entry.",
    ),
    "quadratic": Hint(
        "What does your reader do with 13 MiB of a message whose last MiB has not come?",
        "It goes over all entries that are there, or copies the window, at each of 3,600 calls.",
        "Look at the header and at len. While the payload is not all there, answer MORE and do "
        "nothing else.",
    ),
}

HINTS: dict[str, Hint] = (
    _DIAGNOSES
    | {f"4.{number} sanitizer": _SANITIZER for number in range(1, 11)}
    | {f"4.{number} crash": _CRASH for number in range(1, 11)}
)
