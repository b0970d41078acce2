"""Exercises with RESP. The seed makes the exercise; --answer shows the answer too.

Run it in the project's folder:

    python3 -m handouts.examples.lab3.exercises decode --seed 7
    python3 -m handouts.examples.lab3.exercises decode --seed 7 --answer

decode: which request or reply is this?  encode: which bytes are these words?  stream: where does
each request end, and where does the parser stop?  fault: which byte is the first one that is wrong,
and when is the error due?
"""

import random

from grader.wire.resp import (
    LONGEST_LINE,
    Decoder,
    Failure,
    ProtocolError,
    Reply,
    ReplyDecoder,
    Simple,
    encode_reply,
    encode_request,
)
from handouts.examples.exercise import Exercise, ask, where_they_end

WORDS = (b"k", b"key", b"CS06142", b"", b"a b", b"\r\n", b"nil", b"$3", b"Cloud", b"two words")


def some_request(chance: random.Random) -> list[bytes]:
    """Short, since it is to be written by hand."""
    key = chance.choice(WORDS)
    if chance.randrange(2):
        return [chance.choice((b"GET", b"DEL", b"get")), key]
    return [b"SET", key, *chance.sample(WORDS, chance.randrange(1, 3))]


def some_reply(chance: random.Random) -> Reply:
    texts: tuple[Reply, ...] = (Simple(b"OK"), Failure(b"ERROR"), Simple(b"MOVED 2"))
    if chance.randrange(2):
        return [*chance.sample(WORDS, chance.randrange(3))]
    return chance.choice((*texts, chance.randrange(-20, 20)))


def in_rows(data: bytes) -> str:
    rows = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        rows.append(f"  {at:4}  {row.hex(' '):47}  {text}")
    return "\n".join(rows)


def in_fields(data: bytes, decoder: type[Decoder] | type[ReplyDecoder]) -> str:
    """Field by field, up to the first byte that is wrong."""
    lines: list[str] = []

    def note(path: str, offset: int, field: bytes) -> None:
        lines.append(f"  {offset:4}  {field.hex(' '):32} {path}: {field!r}")

    try:
        decoder(note).feed(data)
    except ProtocolError as fault:
        lines.append(f"  {fault.offset:4}  {fault.field}: {fault.reason}")
    return "\n".join(lines)


def decode_exercise(chance: random.Random) -> tuple[str, str]:
    if chance.randrange(2):
        data = encode_request(some_request(chance))
        return f"Which request is this?\n{in_rows(data)}", in_fields(data, Decoder)
    data = encode_reply(some_reply(chance))
    return f"Which reply is this?\n{in_rows(data)}", in_fields(data, ReplyDecoder)


def encode_exercise(chance: random.Random) -> tuple[str, str]:
    words = some_request(chance)
    return f"Write down the bytes of the request {words}", in_rows(encode_request(words))


def stream_exercise(chance: random.Random) -> tuple[str, str]:
    parts = [encode_request(some_request(chance)) for _ in range(3)]
    return where_they_end("request", parts, chance, in_rows)


def error_due(data: bytes, fault: ProtocolError) -> int:
    """The offset of the byte with which it must be told: behind data the wrong one, in a line LF or
    the 33rd.
    """
    if fault.field.endswith("after the data"):
        return fault.offset
    start = data.rfind(b"\n", 0, fault.offset) + 1
    end = data.find(b"\r\n", fault.offset)
    return min(end + 1 if end >= 0 else len(data), start + LONGEST_LINE)


def fault_exercise(chance: random.Random) -> tuple[str, str]:
    """One byte is changed, dropped or doubled, and it matters."""
    while True:
        data = bytearray(encode_request(some_request(chance)))
        at = chance.randrange(len(data))
        if chance.randrange(3) == 0:
            del data[at]
        elif chance.randrange(2):
            data.insert(at, data[at])
        else:
            data[at] = chance.choice(b"+- x0$*")
        try:
            Decoder().feed(bytes(data))
        except ProtocolError as fault:
            answer = in_fields(bytes(data), Decoder)
            due = error_due(bytes(data), fault)
            if due < len(data):
                answer += f"\n  the error is due with the byte at offset {due}, at the latest"
            return f"What is wrong?\n{in_rows(bytes(data))}", answer


EXERCISES: dict[str, Exercise] = {
    "decode": decode_exercise,
    "encode": encode_exercise,
    "stream": stream_exercise,
    "fault": fault_exercise,
}


if __name__ == "__main__":
    ask("Exercises with RESP", EXERCISES)
