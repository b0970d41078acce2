"""What was gathered from a submission, and what it has used up of the bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from grader.classroom.intake.bounds import (
    ENTRIES,
    MIB,
    RATIO,
    RATIO_FROM,
    SOURCES_BYTES,
    TOLD,
    UNPACKED_BYTES,
)
from grader.report import escape

# Reads a file: at most a byte more than so many; None where it can't be read.
Read = Callable[[int], bytes | None]


@dataclass(frozen=True)
class Member:
    """Something in an archive. ``odd`` says what it is if it is neither a file nor a folder."""

    name: str
    odd: str
    is_folder: bool
    read: Read


class TooMuch(Exception):
    """A bound was passed; its words say which."""


class Damaged(Exception):
    """An archive is not what its format says."""


@dataclass
class Budget:
    """What one submission has used up."""

    entries: int = 0
    members: int = 0
    unpacked: int = 0
    kept: int = 0

    def enter(self) -> None:
        """A file or a folder on disk."""
        self.entries += 1
        if self.entries > ENTRIES:
            raise TooMuch(f"it holds more than {ENTRIES} files and folders")

    def member(self) -> None:
        """A member of an archive."""
        self.members += 1
        if self.members > ENTRIES:
            raise TooMuch(f"the archives hold more than {ENTRIES} files and folders")

    def unpack(self, size: int) -> None:
        """So many bytes came out of an archive."""
        self.unpacked += size
        _bounded(self.unpacked)

    def is_spent(self) -> bool:
        """Whether no further archive is worth reading."""
        return self.unpacked > UNPACKED_BYTES

    def keep(self, size: int) -> None:
        """So many bytes of C stay in memory."""
        self.kept += size
        if self.kept > SOURCES_BYTES:
            raise TooMuch(f"its C files are larger than {SOURCES_BYTES // MIB} MiB together")


def no_bomb(unpacked: int, packed: int) -> None:
    """Raises TooMuch for an archive that is out of all proportion."""
    _bounded(unpacked)
    if unpacked > RATIO_FROM and unpacked > RATIO * packed:
        raise TooMuch(f"it unpacks to more than {RATIO} times its size")


def _bounded(unpacked: int) -> None:
    if unpacked > UNPACKED_BYTES:
        raise TooMuch(f"it unpacks to more than {UNPACKED_BYTES // MIB} MiB")


@dataclass
class Harvest:
    """C files and the names of all others, by path; ``notes`` are safe to show."""

    budget: Budget
    sources: dict[str, bytes] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    untold: int = 0

    def note(self, words: str) -> None:
        """Keeps the first notes, and counts the rest."""
        if len(self.notes) < TOLD:
            self.notes.append(words)
        else:
            self.untold += 1

    def leave_out(self, path: str, why: str) -> None:
        self.note(f"{escape.one_line(path)} was left out: {why}")

    def keep(self, path: str, data: bytes) -> None:
        """Of two files with one path the last stays, as unpacking leaves it."""
        if path in self.sources:
            self.note(f"{escape.one_line(path)} is there more than once: the last one counts")
        self.budget.keep(len(data))
        self.sources[path] = data

    def merge(self, other: Harvest) -> None:
        """Takes over what an archive held."""
        self.sources |= other.sources
        self.others += other.others
        for words in other.notes:
            self.note(words)
        self.untold += other.untold
