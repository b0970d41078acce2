"""Hints of lab 4, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs import hints_programs
from grader.labs.diagnosis_hints import DIAGNOSES
from grader.labs.hints import Hint
from grader.labs.lab4 import hints_bytes, hints_codec, hints_rpc

STAGES = {
    "4.1": Hint(
        "You have eight bytes and nothing else. Which questions about the message can you answer "
        "already?",
        "The header is read in the wrong order of bytes, payload_size counts the header too, or a "
        "type or size that can't be right is waited for instead of refused.",
        "Take both numbers apart by weights, the lowest byte first. Fewer than eight bytes: MORE. "
        "Then refuse an unknown type, a size other than the type's one, for type 3 one below 28 "
        "or above 16 MiB; only after that wait for the payload.",
    ),
    "4.2": Hint(
        "At which offset does each of the four fields begin, and does your encoder say the same "
        "as your decoder?",
        "Two fields are swapped, or bytes of one are; in both directions alike, so that a round "
        "trip finds nothing. Or a negative number passes.",
        "Write and read term, candidate_id, last_log_index, last_log_term, each as four bytes "
        "with the lowest first, by a cursor that moves on. Compare each as an unsigned number "
        "with INT32_MAX before it becomes an int32_t.",
    ),
    "4.3": Hint(
        "How many bytes does your compiler give to this struct, and how many does the wire?",
        "Eight instead of five: the flag is written as an int, or the struct is copied with its "
        "padding. Or a flag of 2 is taken for true.",
        "Write four bytes for the term and one for the flag, which is 0 or 1. On the way back "
        "look at the byte as a uint8_t: anything but 0 and 1 is malformed.",
    ),
    "4.4": Hint(
        "What stands before the entries, in which order, and which of the seven may have its "
        "highest bit set?",
        "seq and entry_count are swapped, or leader_commit and seq; or seq is refused as "
        "negative; or a message without entries is taken for one that is cut short.",
        "Five numbers that are not negative, then seq with any 32 bits, then entry_count. With "
        "entry_count 0 nothing follows, and entries is not touched: it may be NULL.",
    ),
    "4.5": Hint(
        "What is the offset of follower_commit on the wire, and what in the struct?",
        "13 on the wire and 16 in the struct: the padding was sent, or the flag was read as four "
        "bytes, and all behind it is shifted.",
        "Three numbers, one byte, two numbers: 21 bytes. Read and write each field by itself, and "
        "the byte as a byte. ack may have any 32 bits.",
    ),
    "4.6": Hint(
        "Where does the next entry begin, and what says so?",
        "The size lacks eight bytes for each entry, the place of the next entry is wrong, a "
        "length goes through a smaller type, an empty entry is dropped, or the array of entries "
        "is on the stack, or has a fixed size.",
        "Add up 28 and, for each entry, eight and its length, in 64 bits. An entry is term, "
        "length, bytes; copy the bytes only if there are any. The reader has an array that grows "
        "with the entries; their data stays in the window.",
    ),
    "4.7": Hint(
        "How many bytes of the payload are left, and how many entries are due, after each step of "
        "yours?",
        "What is too short is refused, and what is too long is not; or the window's end is taken "
        "for the payload's; or the count is believed, or not looked at.",
        "Carry both numbers along. An entry is due and fewer than eight bytes are left: "
        "malformed. Its length is more than what is left: malformed. None is due and bytes are "
        "left: malformed.",
    ),
    "4.8": Hint(
        "Which sum, difference or product of yours has a number in it that somebody else chose?",
        "It wraps around in 32 bits, or becomes negative in an int: a check is passed that should "
        "not be. Or memory is taken for a count before its entries are there.",
        "Put the untrusted number alone on one side of the comparison, with what is left on the "
        "other. Never subtract before you compared. Divide what is left by eight instead of "
        "multiplying the count. Take memory only when the payload is there, and for entries that "
        "are.",
    ),
    "4.9": Hint(
        "Which is the last byte that you may look at, and how do you know at each access?",
        "A field is read before the window is known to hold it, such as payload_size with five "
        "bytes there; or an integer is read through a pointer that was cast.",
        "Below eight bytes look at nothing; below 8 + payload_size at the header only. Take "
        "integers from single bytes by shifts, each cast to uint32_t first, or copy them with "
        "memcpy().",
    ),
    "4.10": Hint(
        "The window holds a message and a half. What do you report, and what do you do with the "
        "half at the next call?",
        "*size is not the message's own; something is kept that points into the old window; or "
        "the fields of a message that isn't complete are looked at again with each piece.",
        "Below 8 + payload_size answer MORE after a look at the header, and keep nothing. With "
        "DONE, *size is 8 + payload_size, however much the window holds. Go through the entries "
        "once, when all of it is there.",
    ),
    "4.11": Hint(
        "A call waits for its timer. Who remembers it, and what does your server do meanwhile?",
        "The server waits for it, the reply has another request id, a division ends the program, "
        "or a size of arguments is believed.",
        "Read header and request id, look the procedure up, compare the arguments' size, run it. "
        "A procedure that takes time sets a timer and returns; the request knows its connection, "
        "and learns when that is gone. Malformed: replies to what came before, then "
        "connection_finish().",
    ),
    "4.12": Hint(
        "In how many ways can your call end, and which of them do you know only after some time?",
        "A reply is taken although it is malformed or belongs to another call, a part of one is "
        "waited for after the connection's end, or nothing bounds the wait.",
        "Keep what waits by its request id, with a timer. Reply, timeout, end of the connection: "
        "whichever comes first takes it out, and the others find nothing. Status 0 for a result, "
        "1 and words for all else.",
    ),
}

HINTS = (
    DIAGNOSES
    | STAGES
    | hints_programs.HINTS
    | hints_bytes.HINTS
    | hints_rpc.HINTS
    | hints_codec.HINTS
)
