"""What one client asked of a store, and what it knows of the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from grader.report import escape

Value: TypeAlias = tuple[bytes, ...]  # the words; an absent key has no value: None

SET, GET, DEL = "SET", "GET", "DEL"
_LONGEST = 16  # characters of a word that are shown


class Outcome(Enum):
    """What a client knows."""

    DONE = "done"
    UNKNOWN = "unknown"  # done at any time after its call, or never
    REFUSED = "refused"  # never done


@dataclass(frozen=True)
class Operation:
    """On one key. ``called`` and ``returned`` are places in the order of all events. ``value`` is
    what a SET writes, and what a GET got; ``removed`` what a DEL got.
    """

    client: str
    kind: str
    key: bytes
    value: Value | None
    called: int
    returned: int | None
    outcome: Outcome = Outcome.DONE
    removed: int = 0
    node: int = 0  # that was asked; 0: not known

    def words(self) -> str:
        """As in 'SET x = a' and 'GET x is a'."""
        name = f"{self.kind} {_short(self.key)}"
        if self.kind == SET:
            name += f" = {shown(self.value)}"
        elif self.outcome is Outcome.DONE:
            name += f" is {shown(self.value)}" if self.kind == GET else f" removes {self.removed}"
        if self.outcome is Outcome.UNKNOWN:
            return name + " (unknown)"
        return name + (" (refused)" if self.outcome is Outcome.REFUSED else "")


def shown(value: Value | None) -> str:
    """A value in a few letters."""
    return "absent" if value is None else " ".join(map(_short, value)) or "no words"


def _short(word: bytes) -> str:
    text = escape.one_line(word[: _LONGEST + 1], _LONGEST)
    return text or "''"
