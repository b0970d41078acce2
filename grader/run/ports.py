"""Ports that nobody uses."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

# Below the range that Linux hands out by itself, 32768 to 60999: ip(7), ip_local_port_range.
_FIRST, _LAST = 11_000, 32_767
_RAFT_DISTANCE = 1000


def _candidates() -> Iterator[int]:
    """Each grader starts elsewhere, so that two of them seldom meet."""
    span = _LAST - _FIRST
    start = os.getpid() * 7919
    return (_FIRST + (start + step * 13) % span for step in range(span))


def is_free(port: int) -> bool:
    """Bound on every address, since a program may bind any of them."""
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def swapped_bytes(port: int) -> int:
    """The port that it reads as where htons or ntohs is missing."""
    return (port & 0xFF) << 8 | port >> 8


def free_port(avoid: frozenset[int] = frozenset()) -> int:
    """A port P such that P and P - 1000 (its Raft port) are free, and that reads as another free
    port when its two bytes are swapped. ``avoid`` names ports that are taken soon.
    """
    for port in _candidates():
        if (
            port not in avoid
            and swapped_bytes(port) not in (port, *range(1024))  # those below are privileged
            and all(map(is_free, (port, port - _RAFT_DISTANCE, swapped_bytes(port))))
        ):
            return port
    raise OSError("no free port below 32768")
