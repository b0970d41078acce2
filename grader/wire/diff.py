"""The first difference between two byte strings, and how to show it."""

from __future__ import annotations

from dataclasses import dataclass

ROW = 16
CONTEXT_ROWS = 3


@dataclass(frozen=True)
class Difference:
    """Where ``received`` first departs from ``expected``.

    ``offset`` counts bytes from the start of the stream. ``start`` is the offset of the first byte
    of the two windows, which hold some bytes around the difference. ``ending`` says what followed
    the last received byte ("" if more did): "the connection was closed", "nothing more came".
    """

    offset: int
    start: int
    expected: bytes
    received: bytes
    expected_size: int
    received_size: int
    ending: str = ""


def first_difference(expected: bytes, received: bytes) -> int | None:
    """The offset of the first byte that differs, or at which one of them ends; None if they are
    equal.
    """
    common = min(len(expected), len(received))
    if expected[:common] == received[:common]:
        return None if len(expected) == len(received) else common
    low, high = 0, common  # the two agree before low, and differ somewhere before high
    while high - low > 1:
        middle = (low + high) // 2
        if expected[low:middle] == received[low:middle]:
            low = middle
        else:
            high = middle
    return low


def difference(
    expected: bytes, received: bytes, ending: str = "", base: int = 0
) -> Difference | None:
    """The first difference, with a window around it; None if there is none.

    ``base`` is the offset in the stream of the first byte of both strings.
    """
    at = first_difference(expected, received)
    if at is None:
        return None
    start = max(0, at // ROW - 1) * ROW
    end = start + CONTEXT_ROWS * ROW
    return Difference(
        offset=base + at,
        start=base + start,
        expected=expected[start:end],
        received=received[start:end],
        expected_size=base + len(expected),
        received_size=base + len(received),
        ending=ending if at == len(received) else "",
    )


def hex_bytes(data: bytes) -> str:
    return data.hex(" ")


def ascii_bytes(data: bytes) -> str:
    """One character a byte, a dot for what is not printable ASCII."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)


def rows(diff: Difference, row: int = ROW) -> list[str]:
    """The difference as text, ``row`` bytes a line: expected and received under each other, a caret
    under the first wrong byte. A row of 16 bytes takes 85 columns, one of 8 takes 53.
    """
    lines = [" " * 20 + " ".join(f"{n:02x}" for n in range(row))]
    for at in range(0, max(len(diff.expected), len(diff.received)), row):
        here = diff.start + at
        wanted, came = diff.expected[at : at + row], diff.received[at : at + row]
        lines.append(
            f"{here:08x}  expected  {hex_bytes(wanted):<{row * 3}} {ascii_bytes(wanted)}".rstrip()
        )
        lines.append(f"{'':8}  received  {hex_bytes(came):<{row * 3}} {ascii_bytes(came)}".rstrip())
        if here <= diff.offset < here + row:
            lines.append(" " * (20 + 3 * (diff.offset - here)) + "^^")
    return lines


def caption(diff: Difference) -> str:
    """The first difference in words: offset, and both bytes."""
    at = diff.offset - diff.start
    wanted = (
        f"expected {byte_name(diff.expected[at])}"
        if at < len(diff.expected)
        else "expected nothing more"
    )
    if at < len(diff.received):
        came = f"received {byte_name(diff.received[at])}"
    else:
        came = diff.ending or "nothing more came"
    return f"offset {diff.offset}: {wanted}, {came}"


def byte_name(byte: int) -> str:
    """A byte in hexadecimal, and as the character that it is."""
    names = {0: "NUL", 9: "TAB", 10: "LF", 13: "CR", 32: "space"}
    name = names.get(byte) or (f"'{chr(byte)}'" if 0x20 < byte < 0x7F else "")
    return f"{byte:02x} ({name})" if name else f"{byte:02x}"
