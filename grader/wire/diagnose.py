"""What wrong bytes of an echo say about their cause. Each finding is a guess from evidence, and
says its evidence.
"""

from __future__ import annotations

from typing import NamedTuple

from grader.verdicts import Diagnosis

_PROBE = 12  # so many bytes of a stream tell their place in it
_LEAST = 4  # fewer could be there by chance
SERVER = "the server"


class Waits(NamedTuple):
    """What the kernel holds for the program: whether it took the connection, and unread bytes."""

    accepted: bool
    unread: int


def extra(data: bytes) -> Diagnosis:
    """Bytes after the last one that was expected."""
    if not data.strip(b"\0"):
        return Diagnosis(
            "buffer-sent-whole",
            "only zeros: are all bytes of the buffer sent, not just those that were read?",
        )
    if data in (b"\n", b"\r\n"):
        return Diagnosis("newline-added", "a line end that was never sent")
    return Diagnosis("extra-bytes", "more came back than was sent: is a piece written twice?")


def ended(how: str) -> Diagnosis:
    """The connection was closed or reset while bytes were owed."""
    if how == "reset":
        return Diagnosis(
            "reset-not-closed",
            "a RST instead of a FIN: the program died, or closed the socket while input was still "
            "unread (tcp(7)), "
            "which also destroys what it had sent",
        )
    return Diagnosis("closed-early", "the server closed the connection while it still owed bytes")


def no_end(peer: str) -> Diagnosis:
    """Everything came, but the connection stays open; ``peer`` should have ended it."""
    if peer != SERVER:
        return Diagnosis(
            "no-half-close",
            f"the input of {peer} has ended, yet its FIN does not come: shutdown() says that no "
            "more will be sent",
        )
    return Diagnosis(
        "no-end-of-file",
        "the client finished sending and got everything back, yet the connection stays open: does "
        "the server see read() return "
        "0, and does every process that holds the socket close it?",
    )


def echo(
    expected: bytes, received: bytes, at: int, end: str, waits: Waits | None = None
) -> Diagnosis | None:
    """The cause of a first difference at offset ``at``; ``end`` is how the stream ended ("" if it
    did not), ``waits`` what has not reached the program.
    """
    came = received[at:]
    if not came:
        return _stopped(expected, at, end, waits)
    return (
        _changed_case(expected, received)
        or _zeros(expected, came, at)
        or _dropped_kind(expected, came, at)
        or _moved(expected, came, at)
        or Diagnosis("wrong-byte", f"byte {at} of {len(expected)} is not the one that is expected")
    )


def _stopped(expected: bytes, at: int, end: str, waits: Waits | None) -> Diagnosis | None:
    if end:
        return ended(end)
    if at < len(expected) and expected[at] == 0 and (at > 0 or len(expected) == 1):
        return Diagnosis(
            "stops-at-nul",
            "the echo stops just before a NUL byte: strlen, %s and fputs take it for the end of "
            "the data",
        )
    if waits is not None and not waits.accepted:
        return Diagnosis(
            "not-accepted",
            "the connection still waits in the kernel's queue: nobody has called accept() for it",
        )
    if waits is not None and waits.unread > 0:
        return Diagnosis(
            "not-read",
            f"{waits.unread} bytes wait in the kernel's receive buffer: the server does not read "
            "from this client now",
        )
    if at == 0:
        return Diagnosis(
            "waits-for-more",
            "what was sent has been read, and nothing came back: does the program wait for more, "
            "such as a line end or a full buffer, or for something else?",
        )
    if at & (at - 1) == 0 and at >= 64:
        return Diagnosis(
            "stops-at-buffer-size",
            f"the echo stops after {at} bytes, a likely size of a buffer",
        )
    return Diagnosis(
        "stops",
        f"the echo stops after {at} of {len(expected)} bytes, and the connection stays open",
    )


def _changed_case(expected: bytes, received: bytes) -> Diagnosis | None:
    size = min(len(expected), len(received))
    if size and received[:size] == expected[:size].upper():
        return Diagnosis(
            "upper-case", "the letters came back in upper case: that is only asked for with --upper"
        )
    return None


def _zeros(expected: bytes, came: bytes, at: int) -> Diagnosis | None:
    if len(came) >= 4 and not came[:64].strip(b"\0") and expected[at : at + 4] != b"\0\0\0\0":
        return Diagnosis(
            "buffer-sent-whole",
            "zeros came instead: are all bytes of the buffer sent, not just the count that read() "
            "returned?",
        )
    return None


def _moved(expected: bytes, came: bytes, at: int) -> Diagnosis | None:
    """Looks for what came elsewhere in what was expected."""
    probe = came[:_PROBE]
    if len(probe) < _LEAST:
        return None
    place = expected.find(probe, at)
    if place >= 0:
        return Diagnosis(
            "bytes-missing",
            f"{place - at} bytes are missing: what came at offset {at} is what was sent at offset "
            f"{place}. Was a short write's return value ignored?",
        )
    place = expected.rfind(probe, 0, at + len(probe) - 1)
    if place >= 0:
        return Diagnosis(
            "bytes-repeated",
            f"what came at offset {at} came before, at offset {place}: is data sent again after a "
            "short write?",
        )
    return None


def _dropped_kind(expected: bytes, came: bytes, at: int) -> Diagnosis | None:
    wanted = expected[at : at + 1]
    if wanted in (b"\0", b"\r", b"\n") and came[:4] == expected[at + 1 : at + 5]:
        names = {b"\0": "NUL", b"\r": "CR", b"\n": "LF"}
        return Diagnosis(
            "byte-dropped",
            f"the {names[wanted]} at offset {at} is missing: the data is treated as text",
        )
    return None
