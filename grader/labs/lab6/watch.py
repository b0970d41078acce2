"""What is known of the log of the one server that runs in a scene: by what it saved, by what it
sent, and by what the others told it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from grader.sim.server import APPLY, SAVE_ENTRY, SYNC, Effect, Entry
from grader.verdicts import Diagnosis
from grader.wire.messages import AppendEntries, LogEntry


def as_sent(entries: Iterable[Entry]) -> tuple[LogEntry, ...]:
    """Entries as a request has them."""
    return tuple(LogEntry(term, data) for term, data in entries)


@dataclass
class Watch:
    """One server's. ``durable`` are so many entries of ``log``, from the first on; ``acked`` is
    what each of the others has acknowledged to it in its term as the leader; ``floor`` was its
    commit index when that term began, or an index that it was right to commit since. ``again`` is
    an entry that was saved once more as it was, which dropped others behind it.
    """

    servers: int
    log: list[Entry] = field(default_factory=list)
    durable: int = 0
    applied: int = 0
    floor: int = 0
    acked: dict[int, int] = field(default_factory=dict)
    seqs: dict[int, int] = field(default_factory=dict)  # the latest, by receiver
    syncs: int = 0
    again: int = 0

    def starts(self, saved: Iterable[Entry]) -> None:
        """With what outlived its former life."""
        self.log = list(saved)
        self.durable = len(self.log)
        self.applied = self.floor = 0
        self.leads(0)

    def leads(self, commit: int) -> None:
        """From now on; or it follows, and nothing counts that was acknowledged before."""
        self.floor, self.acked, self.seqs = commit, {}, {}

    def did(self, effect: Effect) -> None:
        """Its log is what it saved last."""
        if effect[0] == SYNC:
            self.durable = len(self.log)
            self.syncs += 1
        elif effect[0] == APPLY:
            self.applied = effect[1]
        elif effect[0] == SAVE_ENTRY:
            _, index, term, data = effect
            if index < len(self.log) and self.log[index - 1] == (term, data):
                self.again = index
            del self.log[index - 1 :]
            self.log.append((term, data))
            self.durable = min(self.durable, index - 1)

    def term_at(self, index: int) -> int:
        return self.log[index - 1][0] if index else 0

    def acknowledged(self, server: int, index: int) -> None:
        if index <= len(self.log):
            self.acked[server] = max(self.acked.get(server, 0), index)

    def holders(self, index: int) -> int:
        """How many servers have the entry for certain, itself included once it is durable."""
        return sum(acked >= index for acked in self.acked.values()) + (self.durable >= index)

    def may_commit(self, term: int) -> int:
        """Figure 2, Leaders: the highest index that a majority has, if it is of this term."""
        matches = sorted([self.durable, *self.acked.values()], reverse=True)
        at = self.servers // 2
        index = matches[at] if at < len(matches) else 0
        return max(self.floor, index if self.term_at(index) == term else 0)

    def right(self, seen: AppendEntries, term: int, me: int) -> AppendEntries:
        """The request that this one should be: prev is of the log, and so are the entries."""
        prev = min(seen.prev_log_index, len(self.log))
        entries = self.log[prev : prev + len(seen.entries)]
        return AppendEntries(
            term,
            me,
            prev,
            self.term_at(prev),
            seen.leader_commit,
            seen.seq,
            as_sent(entries),
        )

    def saved_again(self) -> Diagnosis:
        return Diagnosis(
            "saved-again",
            f"entry {self.again} was saved already, and was saved once more: save_entry drops all "
            "from its index on",
        )

    def shares(self, index: int) -> str:
        """Who has what, in words."""
        said = [f"server {one} up to {acked}" for one, acked in sorted(self.acked.items())]
        others = f"acknowledged: {', '.join(said)}" if said else "nothing was acknowledged"
        return (
            f"it knows that {self.holders(index)} of {self.servers} servers have it "
            f"({others}; it has itself synced up to {self.durable})"
        )
