"""Hints of lab 4 by what wrong bytes of a message show (grader/wire/guess_messages.py)."""

from __future__ import annotations

from grader.labs.hints import Hint

HINTS: dict[str, Hint] = {
    "nothing-written": Hint(
        "Did message_encode come to its first write?",
        "It returned before: the type, the room or the size was refused.",
        "Follow it with 'make debug' from the comparison with room on.",
    ),
    "no-header": Hint(
        "What stands before the payload?",
        "The header of eight bytes was not written.",
        "Write type and payload_size first.",
    ),
    "size-counts-header": Hint(
        "Which bytes does payload_size count?",
        "The header's eight are in it.",
        "It counts what follows the header, and message_size is eight more.",
    ),
    "size-without-header": Hint(
        "Which bytes does payload_size count?",
        "Eight were subtracted from a number in which the header was not.",
        "It counts all that follows the header, no less.",
    ),
    "size-without-entries": Hint(
        "What does payload_size of this message have to count besides 28?",
        "The entries are missing in it.",
        "Add eight and its length for each entry, before the header is written.",
    ),
    "size-without-entry-heads": Hint(
        "How many bytes does an entry take on the wire?",
        "Only the data was added up; term and length have eight bytes.",
        "Add eight and its length for each entry.",
    ),
    "struct-padding": Hint(
        "How large is this struct, and how large is its message?",
        "It was copied as it lies in memory, with the padding, or a flag was written as an int.",
        "Write field by field: four bytes for a number, one for a flag.",
    ),
    "wide-integers": Hint(
        "How many bytes has a number on the wire?",
        "Eight were written: a long or a size_t was copied.",
        "Write the four bytes of 32 bits, whatever type the number has in your program.",
    ),
    "entries-too-early": Hint(
        "What stands between the header and the first entry?",
        "The entries were written where the struct has them, before seq or entry_count.",
        "All seven numbers first, the entries last.",
    ),
    "seq-count-swapped": Hint(
        "Which comes first on the wire, seq or entry_count?",
        "The two changed places.",
        "seq, then entry_count, then the entries.",
    ),
    "fields-swapped": Hint(
        "In which order does the handout's table have these two?",
        "The two changed places, in the encoder or in the decoder.",
        "Go through the table line by line, in both functions.",
    ),
    "fields-reordered": Hint(
        "In which order does the handout's table have the fields?",
        "The order of the struct, or another, was taken.",
        "Go through the table line by line, in both functions.",
    ),
    "field-not-written": Hint(
        "Which line of yours should set this field?",
        "None does: it holds what was in memory before.",
        "Set each member that belongs to the type.",
    ),
    "field-zero": Hint(
        "Which line of yours should set this field?",
        "It is 0, as in a struct that was cleared and never filled in.",
        "Set each member that belongs to the type.",
    ),
    "narrow-field": Hint(
        "Through which types does this number go on its way?",
        "One of them has 8 or 16 bits, and the rest was cut off.",
        "Use int32_t and uint32_t, and cast single bytes only where they are written.",
    ),
    "sign-lost": Hint(
        "Is this field signed, and what are its four bytes?",
        "The same 32 bits were taken for a number of the other kind.",
        "Terms, indexes and ids are int32_t; seq, ack, lengths and counts are uint32_t.",
    ),
    "flag-inverted": Hint(
        "What does 1 mean in this byte?",
        "True and false changed places.",
        "1 is true, 0 is false.",
    ),
    "flag-not-normal": Hint(
        "Which values may this byte have on the wire?",
        "Another number than 0 or 1 was written: the memory of a bool, or an int.",
        "Write 1 if it is true, and 0 if not.",
    ),
    "length-counts-head": Hint(
        "Which bytes does an entry's length count?",
        "Term and length are counted in it: eight too many.",
        "It is the number of bytes of the data alone.",
    ),
    "length-counts-nul": Hint(
        "Which bytes does an entry's length count?",
        "A NUL behind the data is counted.",
        "It is the number of bytes of the data alone, which is no string.",
    ),
    "nul-appended": Hint(
        "What follows an entry's data, or the last field?",
        "A NUL was written there; nobody asked for it.",
        "The next field follows directly, or the end: nothing here is a string.",
    ),
    "message-cut": Hint(
        "At which field did your encoder stop?",
        "The rest was not written, though its size was counted.",
        "Write all fields of the type, and all entries with their data.",
    ),
    "extra-bytes": Hint(
        "Which byte is the last one of this message?",
        "More were written: a field that the type does not have, padding, or a NUL.",
        "Write what message_size counted, and nothing else.",
    ),
}
