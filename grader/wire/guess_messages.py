"""What wrong bytes of a Raft message say about their cause. A guess from evidence, and it says its
evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from grader.verdicts import Diagnosis
from grader.wire.annotate import field_named
from grader.wire.diff import hex_bytes
from grader.wire.table import ENTRY_SIZE, HEADER, HEADER_SIZE, LAYOUTS, Field, Layout
from grader.wire.walk import Malformed, Part, counted, walk

FILL = 0xA5  # what buffers hold before a program writes to them
_UNTOUCHED = {int.from_bytes(bytes([byte]) * 4, "little", signed=True) for byte in (FILL, 0xEE)}

# A struct of C as the compiler pads it, where that differs from the wire.
_PADDED = {2: 8, 4: 24}


class _Case:
    """What was expected, as fields, and what came."""

    def __init__(self, expected: bytes, received: bytes) -> None:
        self.expected = expected
        self.received = received
        if len(received) > len(expected):
            tail = received[len(expected) :].rstrip(bytes([FILL]))
            self.received = received[: len(expected)] + tail
        self.parts = list(walk(expected))
        self.layout = LAYOUTS[number_of(expected, "type")]
        self.payload = expected[HEADER_SIZE:]
        self.entries = [part for part in self.parts if part.path.startswith("entry ")]

    def came(self, part: Part) -> bytes:
        """The bytes at that field's place."""
        return self.received[part.offset : part.offset + len(part.data)]

    def first_wrong(self) -> Part | None:
        return next((part for part in self.parts if self.came(part) != part.data), None)

    def head(self, name: str) -> int | None:
        """What came in a field of the header."""
        size = 4 if name == "type" else HEADER_SIZE
        return number_of(self.received, name) if len(self.received) >= size else None


def number_of(data: bytes, name: str) -> int:
    """A field of the header."""
    at = 0 if name == "type" else HEADER[0].size
    return int.from_bytes(data[at : at + 4], "little")


def message(expected: bytes, received: bytes) -> Diagnosis | None:
    """Why ``received`` came instead of the one message ``expected``; trailing fill of the buffer is
    passed over.
    """
    if expected == received:
        return None
    case = _Case(expected, received)
    for guess in _GUESSES:
        found = guess(case)
        if found is not None:
            return found
    return None


def _nothing(case: _Case) -> Diagnosis | None:
    if case.received.strip(bytes([FILL])):
        return None
    return Diagnosis("nothing-written", "nothing was written at all")


def _no_header(case: _Case) -> Diagnosis | None:
    if case.payload[:8] and case.received.startswith(case.payload[:24]):
        return Diagnosis(
            "no-header", "the payload starts at once: the header of 8 bytes is missing"
        )
    return None


def _header_size(case: _Case) -> Diagnosis | None:
    size, right = case.head("payload_size"), len(case.payload)
    if size is None or size == right or case.received[8:] != case.payload:
        return None
    bare = case.layout.size
    entries = sum(1 for part in case.entries if part.about and part.about.name == "length")
    causes = {
        right + HEADER_SIZE: (
            "size-counts-header",
            f"payload_size is {size}: the header's {HEADER_SIZE} bytes are counted in it, and it "
            f"is that of the payload alone, {right}",
        ),
        right - HEADER_SIZE: ("size-without-header", f"payload_size is {size}: it is {right} less "
            "the header, which was not in it"),
    }  # fmt: skip
    if entries:
        causes[bare] = (
            "size-without-entries",
            f"payload_size is {size}, which is that of a heartbeat: the entries are missing in it",
        )
        causes[right - entries * ENTRY_SIZE] = (
            "size-without-entry-heads",
            f"payload_size is {size}: it lacks {ENTRY_SIZE} bytes for each of "
            f"{counted(entries, 'entry').replace('entrys', 'entries')}, their term and length",
        )
    found = causes.get(size)
    return Diagnosis(*found) if found else None


def _padding(case: _Case) -> Diagnosis | None:
    """A whole struct was copied, or a flag has the size of an int."""
    number, right = case.layout.number, len(case.payload)
    padded = _PADDED.get(number)
    sizes = {case.head("payload_size"), len(case.received) - HEADER_SIZE}
    if padded is None or padded not in sizes:
        return None
    return Diagnosis(
        "struct-padding",
        f"{right} bytes were expected as payload, {padded} came: is a struct copied as it lies in "
        "memory, with its padding?",
    )


def _wide(case: _Case) -> Diagnosis | None:
    """Integers of 64 bits."""
    first = case.parts[2]
    raw = case.received[first.offset : first.offset + 12]
    two = case.parts[3].data
    if any(two) and raw[: 8 + len(two)] == first.data + bytes(4) + two:
        return Diagnosis(
            "wide-integers",
            f"after {first.path} come four zeros, and then the next field: is it written with 64 "
            "bits?",
        )
    return None


def _order_of_bytes(case: _Case) -> Diagnosis | None:
    part = case.first_wrong()
    if part is None or part.about is None or part.about.size != 4:
        return None
    came = case.came(part)
    if came == part.data[::-1] != part.data:
        return Diagnosis("big-endian", f"{part.path}: {_other_order(int(part.value), came)}")
    return None


def _other_order(value: int, came: bytes) -> str:
    return f"{hex_bytes(came)} are the bytes of {value} in big-endian"


def _entries_too_early(case: _Case) -> Diagnosis | None:
    """The struct's order in C has the entries before seq; the wire has them last."""
    if not case.entries:
        return None
    start = HEADER_SIZE + case.layout.size
    tail = case.expected[start:]
    for name in ("seq", "entry_count"):
        at = next(part.offset for part in case.parts if part.path == name)
        if case.received[at : at + len(tail)] == tail:
            return Diagnosis(
                "entries-too-early", f"the entries come before {name}: on the wire they are last"
            )
    return None


def _numbers(case: _Case) -> Diagnosis | None:
    """Fields of the same message that changed places, or were written in part."""
    fixed = [part for part in case.parts if part.about is not None]
    right = {part.path: int(part.value) for part in fixed}
    came = {
        part.path: part.about.unpack(case.came(part))
        for part in fixed
        if part.about is not None and len(case.came(part)) == part.about.size
    }
    return values(right, came)


def _entry(case: _Case) -> Diagnosis | None:
    """The length and the data of an entry."""
    part = case.first_wrong()
    if part is None or not part.path.startswith("entry "):
        return None
    came, where = case.came(part), part.path.partition(": ")[0]
    if part.about is not None and part.about.name == "length" and len(came) == 4:
        more = int.from_bytes(came, "little") - int(part.value)
        if more == ENTRY_SIZE:
            return Diagnosis(
                "length-counts-head", f"{where}: the length counts term and length, {more} too many"
            )
        if more == 1:
            return Diagnosis(
                "length-counts-nul", f"{where}: the length is one too many: for a NUL?"
            )
    return _nul(case, part, where)


def _nul(case: _Case, part: Part, where: str) -> Diagnosis | None:
    """A NUL that was put after the data of the entry before this field."""
    at = part.offset
    if (
        case.received[at : at + 1] == b"\0"
        and case.received[at + 1 : at + 5] == (case.expected[at : at + 4])
    ):
        return Diagnosis("nul-appended", f"before {where} stands a NUL that nobody sent")
    if part.about is None:
        nul = bytes(part.data).find(b"\0")
        here = case.came(part)
        if nul >= 0 and here[:nul] == part.data[:nul] and here != part.data:
            return Diagnosis(
                "stops-at-nul", f"{where}: its data is right up to the first NUL: strlen, strcpy?"
            )
    return None


def _ends(case: _Case) -> Diagnosis | None:
    expected, received = case.expected, case.received
    if received.startswith(expected):
        extra = received[len(expected) :]
        if extra == b"\0":
            return Diagnosis("nul-appended", "after the message comes a NUL")
        return Diagnosis("extra-bytes", f"{counted(len(extra), 'byte')} too many after the message")
    cut = received.rstrip(bytes([FILL]))
    if expected.startswith(cut):
        part = next(part for part in case.parts if part.offset + len(part.data) > len(cut))
        return Diagnosis("message-cut", f"the message ends after {len(cut)} bytes, at {part.path}")
    return None


_GUESSES: tuple[Callable[[_Case], Diagnosis | None], ...] = (
    _nothing, _no_header, _header_size, _padding, _ends, _order_of_bytes, _wide,
    _entries_too_early, _numbers, _entry,
)  # fmt: skip


# --- numbers by name: of bytes at their places, or as a decoder gives them ---


def values(expected: Mapping[str, int], received: Mapping[str, int]) -> Diagnosis | None:
    """Why a field has another value; by names, such as "term" or "entry 2: length"."""
    wrong = {
        name: received[name]
        for name, value in expected.items()
        if name in received and received[name] != value
    }
    if not wrong:
        return None
    return _swapped(expected, wrong) or _one_value(expected, wrong)


def _swapped(expected: Mapping[str, int], wrong: Mapping[str, int]) -> Diagnosis | None:
    names = list(wrong)
    if len(names) == 2 and sorted(wrong.values()) == sorted(expected[name] for name in names):
        one, other = names
        special = {"seq", "entry_count"} == {one, other}
        ids = "seq-count-swapped" if special else "fields-swapped"
        return Diagnosis(ids, f"{one} and {other} are swapped")
    if len(names) > 2 and sorted(wrong.values()) == sorted(expected[name] for name in names):
        return Diagnosis("fields-reordered", f"{', '.join(names)} came in another order")
    return None


def _one_value(expected: Mapping[str, int], wrong: Mapping[str, int]) -> Diagnosis | None:
    name, value = next(iter(wrong.items()))
    right, about = expected[name], field_named(name.rpartition(": ")[2])
    if about is None:
        return None
    if about.size == 4 and about.pack(right) != about.pack(value) == about.pack(right)[::-1]:
        return Diagnosis("big-endian", f"{name}: {_other_order(right, about.pack(value))}")
    if value in _UNTOUCHED or (value % 256 in (FILL, 0xEE) and about.size == 1):
        return Diagnosis("field-not-written", f"{name} holds what was in memory before")
    return (
        _width(name, about, right, value)
        or _other_place(name, expected, value)
        or _zero(name, about, right, value)
    )


def _width(name: str, about: Field, right: int, value: int) -> Diagnosis | None:
    if (about.size == 4 and value == right + 2**32) or value == right - 2**32:
        kind = "unsigned" if not about.signed else "signed"
        return Diagnosis("sign-lost", f"{name} is {value} instead of {right}: it is {kind}")
    for bits in (8, 16):
        mask = (1 << bits) - 1
        signed = (right & mask) - ((right & mask) >> (bits - 1) << bits)
        if about.size == 4 and value != right and value in (right & mask, signed):
            return Diagnosis(
                "narrow-field", f"{name} is {value}, which is {right} cut to {bits} bits"
            )
    if about.unit == "flag":
        return Diagnosis("flag-inverted" if value in (0, 1) else "flag-not-normal",
            f"{name} is {value} instead of {right}")  # fmt: skip
    return None


def _other_place(name: str, expected: Mapping[str, int], value: int) -> Diagnosis | None:
    if value == 0:
        return None
    for other, its in expected.items():
        if its == value and other != name:
            return Diagnosis("other-field", f"{name} is {value}, which is the value of {other}")
    return None


def _zero(name: str, about: Field, right: int, value: int) -> Diagnosis | None:
    if value != 0:
        return None
    return Diagnosis("field-zero", f"{name} is 0 instead of {right}: was it ever set?")


# --- bytes alone, where nobody knows what was meant ---


def alone(data: bytes) -> Diagnosis | None:
    """Why these bytes, which start with a message that is wrong, are so."""
    try:
        for _ in walk(data):
            pass
    except Malformed as fault:
        return _alone(data, fault)
    return None


def _alone(data: bytes, fault: Malformed) -> Diagnosis | None:
    about = field_named(fault.field.rpartition(": ")[2])
    if about is None or about.size != 4:
        return None
    raw = data[fault.offset : fault.offset + 4]
    value = int.from_bytes(raw, "big")
    kind = number_of(data, "type")
    if fault.field == "type":
        if value in LAYOUTS:
            return Diagnosis("big-endian", f"type: {_other_order(value, raw)}")
        return None
    layout = LAYOUTS[kind]
    if fault.field == "payload_size":
        return _alone_size(layout, int.from_bytes(raw, "little"), raw)
    if int.from_bytes(raw, "little") != value and value < len(data):
        return Diagnosis("big-endian", f"{fault.field}: {_other_order(value, raw)}")
    return None


def _alone_size(layout: Layout, size: int, raw: bytes) -> Diagnosis | None:
    padded, right = _PADDED.get(layout.number), layout.size
    swapped = int.from_bytes(raw, "big")
    if swapped == right or (layout.entries and right <= swapped < 1 << 16):
        return Diagnosis("big-endian", f"payload_size: {_other_order(swapped, raw)}")
    if size == padded:
        return Diagnosis(
            "struct-padding", f"{right} bytes are due, {padded} are announced: struct padding?"
        )
    if size == right + HEADER_SIZE:
        return Diagnosis(
            "size-counts-header", f"payload_size is {size}: are the header's 8 bytes counted in it?"
        )
    if size == 2 * right:
        return Diagnosis("wide-integers", f"payload_size is {size}: integers of 64 bits?")
    return None
