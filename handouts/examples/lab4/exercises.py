"""Exercises with Raft's messages. The seed makes the exercise; --answer shows the answer too.

Run it in the project's folder:

    python3 -m handouts.examples.lab4.exercises decode --seed 7
    python3 -m handouts.examples.lab4.exercises decode --seed 7 --answer

decode: which message is this?  encode: which bytes are these fields?  stream: where does each
message end, and what is left?  fault: which byte is the first one that is wrong, and why?
"""

import random

from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    Malformed,
    Message,
    RequestVote,
    RequestVoteReply,
    encode,
)
from grader.wire.walk import walk
from handouts.examples.exercise import Exercise, ask, where_they_end

SEQ = (0, 41, 0x80, 0x100, 0xFFFFFFFF)


def entry(chance: random.Random) -> LogEntry:
    word = bytes(chance.choice(b"kvxyz") for _ in range(chance.randrange(4)))
    return LogEntry(chance.randrange(1, 8), word)


def some_message(chance: random.Random) -> Message:
    """Small numbers, since they are to be written by hand; some need a second byte."""
    term, index = chance.randrange(1, 9), chance.choice((3, 9, 255, 256, 300, 4096))
    node, flag, seq = chance.randrange(1, 6), chance.randrange(2), chance.choice(SEQ)
    kind = chance.randrange(4)
    if kind == 0:
        return RequestVote(term, node, index, chance.randrange(term))
    if kind == 1:
        return RequestVoteReply(term, flag)
    if kind == 2:
        return AppendEntriesReply(term, node, index, flag, chance.randrange(index), seq)
    entries = tuple(entry(chance) for _ in range(chance.randrange(3)))
    return AppendEntries(term, node, index, term - 1, chance.randrange(index), seq, entries)


def in_rows(data: bytes) -> str:
    return "\n".join("  " + data[at : at + 16].hex(" ") for at in range(0, len(data), 16))


def in_words(data: bytes) -> str:
    """Field by field, up to the first one that is wrong."""
    lines = []
    try:
        for part in walk(data):
            lines.append(f"  {part.offset:4}  {part.data.hex(' '):12} {part.path} {part.value!r}")
    except Malformed as fault:
        lines.append(f"  {fault.offset:4}  {fault.field}: {fault.reason}")
    return "\n".join(lines)


def decode_exercise(chance: random.Random) -> tuple[str, str]:
    data = encode(some_message(chance))
    return f"Which message is this?\n{in_rows(data)}", in_words(data)


def encode_exercise(chance: random.Random) -> tuple[str, str]:
    message = some_message(chance)
    return f"Write down the bytes of\n  {message}", in_rows(encode(message))


def stream_exercise(chance: random.Random) -> tuple[str, str]:
    parts = [encode(some_message(chance)) for _ in range(4)]
    return where_they_end("message", parts, chance, in_rows)


def fault_exercise(chance: random.Random) -> tuple[str, str]:
    while True:
        data = bytearray(encode(some_message(chance)))
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        try:
            list(walk(bytes(data)))
        except Malformed:
            return f"What is wrong?\n{in_rows(bytes(data))}", in_words(bytes(data))


EXERCISES: dict[str, Exercise] = {
    "decode": decode_exercise,
    "encode": encode_exercise,
    "stream": stream_exercise,
    "fault": fault_exercise,
}


if __name__ == "__main__":
    ask("Exercises with Raft's messages", EXERCISES)
