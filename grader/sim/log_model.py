"""One server's log, as far as effects and status tell, and what else is known of the server."""

from __future__ import annotations

from typing import TypeAlias

from grader.sim.server import SAVE_ENTRY, Effect, Entry

Fields: TypeAlias = tuple[int, ...]  # of a message, as ``invariants.decode`` gives them


class Log:
    """What it has, what of that is durable, and what the event that goes on has cut. Indexes count
    from 1. It outlives crashes.
    """

    __slots__ = ("began", "cut", "cut_at", "durable", "entries", "first_saved", "length", "pending")

    def __init__(self) -> None:
        self.entries: list[Entry] = []  # as saved, durable or not
        self.length = 0  # so many of them are in the server's log: it may cut, and save that later
        self.durable: list[Entry] = []
        self.pending: list[Effect] = []  # saves since the last sync
        self.began = 0  # its length before this event
        self.first_saved = 0  # in this event; 0: none
        self.cut_at, self.cut = 0, list[Entry]()  # what this event's saves replaced, and from where

    def copied(self) -> Log:
        other = Log()
        other.entries, other.length, other.durable = self.entries[:], self.length, self.durable[:]
        other.pending, other.began = self.pending[:], self.length
        return other

    def term(self, index: int) -> int:
        """Of an entry up to ``length``; 0 before the first."""
        return self.entries[index - 1][0] if index else 0

    def holds(self, index: int, term: int) -> bool:
        return index <= self.length and self.term(index) == term

    def has_durably(self, index: int, term: int) -> bool:
        return index <= len(self.durable) and self.durable[index - 1][0] == term

    def synced(self) -> int:
        """So many entries of the log are durable."""
        first = min((save[1] for save in self.pending), default=self.length + 1)
        return min(first - 1, len(self.durable), self.length)

    # --- what happens ---

    def save(self, effect: Effect) -> None:
        """From 1 to one more than ``length``. It drops what was there, and all after it."""
        index = effect[1]
        if index <= self.length:
            end = self.cut_at - 1 if self.cut_at else self.length
            if index <= end:
                self.cut[:0] = self.entries[index - 1 : end]
                self.cut_at = index
        del self.entries[index - 1 :]
        self.entries.append(effect[2:])
        self.length = index
        if self.first_saved == 0 or index < self.first_saved:
            self.first_saved = index
        self.pending.append(effect)

    def sync(self) -> None:
        for _, index, *entry in self.pending:
            del self.durable[index - 1 :]
            self.durable.append((entry[0], entry[1]))
        self.pending = []

    def lost(self, last: int) -> int:
        """The first index whose entry was there before this event, and is not, or is another one,
        in a log that ends at ``last``; 0: none.
        """
        for index, old in enumerate(self.cut, self.cut_at):
            if index > last or self.entries[index - 1] != old:
                return index
        return last + 1 if last < self.began else 0

    def before(self, index: int) -> Entry:
        """The entry that was there before this event; from 1 to ``began``."""
        if self.cut_at and index >= self.cut_at:
            return self.cut[index - self.cut_at]
        return self.entries[index - 1]

    def differs(self, index: int, term: int) -> str:
        """What is at this index, for who has another entry of this term, in words."""
        if index > self.length:
            return "is none"
        if self.term(index) != term:
            return f"it is of term {self.term(index)}"
        return "it has other data"

    def saved_again(self) -> str:
        """Of a save in this event that replaced an entry with itself, in words."""
        if not self.cut or self.entries[self.cut_at - 1 : self.cut_at] != self.cut[:1]:
            return ""
        return f": entry {self.cut_at} was saved once more, which drops all behind it"

    def end_event(self, last: int) -> None:
        self.length = self.began = last
        self.first_saved = self.cut_at = 0
        if self.cut:
            self.cut = []

    def crash(self, survivors: list[Effect]) -> None:
        """What outlives it: all that was synced, and these saves."""
        self.pending = [save for save in survivors if save[0] == SAVE_ENTRY]
        self.sync()
        self.entries = self.durable[:]
        self.end_event(len(self.entries))


class Known:
    """What is known of one server. Its log and its votes outlive crashes."""

    def __init__(self) -> None:
        self.log = Log()
        self.exists = False  # else the grader plays it
        self.granted: dict[tuple[int, int], bool] = {}  # votes that it sent: term, candidate
        self.begin_life(0)

    def begin_life(self, term: int) -> None:
        self.role, self.term = 0, term
        self.commit = self.applied = 0
        self.was_committed = 0  # its commit index before this event
        self.allowed = 0  # the commit index that requests which it received allow
        self.pending: list[tuple[bytes, Fields]] = []  # requests that are not answered yet
        self.answered: list[tuple[int, int]] = []  # in this event: leader, seq
        self.requests: dict[tuple[int, int, int], tuple[bytes, Fields]] = {}  # term, leader, seq
        self.asked: dict[tuple[int, int], tuple[int, int]] = {}  # term, candidate: last term, index
        self.matches: dict[int, int] = {}  # what others acknowledged while it led
        self.led = 0  # the term in which they did
        self.sent: list[tuple[int, bytes, Fields]] = []  # in this event: to whom
        self.told = 0  # the highest commit index in them
        self.speaks = False  # in this event
        self.asks_in = 0  # the last term in which it asked others to append

    def copied(self) -> Known:
        other = object.__new__(Known)
        other.__dict__.update(self.__dict__)
        other.log, other.granted = self.log.copied(), dict(self.granted)
        other.requests, other.asked = dict(self.requests), dict(self.asked)
        other.matches, other.sent = dict(self.matches), []
        other.pending, other.answered = self.pending[:], []
        return other
