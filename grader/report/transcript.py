"""The transcript of a card: the last things that the grader did or saw, a line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from grader.run.world import Event
from grader.wire.diff import ascii_bytes, hex_bytes

ANSWERS = "answers to heartbeats"  # the pulse of what answers another one
_LINES = 14
_FEW = 2  # events that are told each, whatever they are


def last_lines(events: Sequence[Event], most: int = _LINES) -> list[str]:
    """A run of what comes again and again is one line, so that it hides nothing else."""
    runs = [(bool(pulse), list(run)) for pulse, run in groupby(events, lambda one: one.pulse != "")]
    lines: list[str] = []
    for folds, run in reversed(runs):
        if len(lines) >= most:
            break
        if folds and len(run) > _FEW:
            lines.append(_folded(run))
        else:
            lines += [describe(event) for event in reversed(run[-most:])]
    return lines[:most][::-1]


def _folded(run: Sequence[Event]) -> str:
    counts = Counter(event.pulse for event in run)
    parts = [f"{count} {name}" for name, count in counts.items()]
    if ANSWERS not in counts:
        parts.append("unanswered")
    return f"({', '.join(parts)}: {run[-1].at - run[0].at:.2f} s)"


def describe(event: Event) -> str:
    """An event as one line."""
    if event.told:
        return f"{event.who} {event.what} {event.told}"
    if event.size == 0:
        return f"{event.who} {event.what}"
    shown = event.data[:12]
    more = " …" if event.size > len(shown) else ""
    unit = "byte" if event.size == 1 else "bytes"
    return (
        f"{event.who} {event.what}: {event.size} {unit}  {hex_bytes(shown)}{more}  "
        f"{ascii_bytes(shown)}{more}"
    )
