"""One server with a log, and what holds whatever happens to it: a leader's requests come from its
own log, and it commits no more than a majority has.
"""

from __future__ import annotations

from typing import Any, NoReturn

from grader.labs.lab5.scene import Scene, show
from grader.labs.lab6.watch import Watch
from grader.labs.simulator import Simulator
from grader.sim.cluster import START, TELL
from grader.sim.server import APPLY, LEADER, SEND, Effect, Entry
from grader.verdicts import Diagnosis, StageFailure
from grader.wire.diff import difference
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    Malformed,
    decode,
    encode,
)


class Judged(Scene):
    """With ``applies``, each entry that is applied is checked; with ``promises``, what is durable
    when an entry is acknowledged. ``waiting`` are the leader's requests that nobody has answered,
    by receiver.
    """

    def __init__(
        self,
        simulator: Simulator,
        servers: int = 3,
        me: int = 1,
        *,
        applies: bool = False,
        promises: bool = False,
        **more: Any,
    ) -> None:
        config = more.get("config")
        self.watch = Watch(config.servers if config else servers)
        self._applies, self._promises = applies, promises
        self.waiting: dict[int, list[AppendEntries]] = {}
        super().__init__(simulator, servers, me, **more)

    @property
    def commit(self) -> int:
        state = self.cluster.states[self.me]
        assert state is not None
        return state[7]

    @property
    def last(self) -> int:
        return self._state("last_index")

    def apply(self, kind: str, first: Any = 0, second: int = 0) -> list[Effect]:
        known = (self.role, self.term, self.commit) if self.runs else (0, 0, 0)
        if kind == TELL and known[0] == LEADER:
            self._note_reply(first)
        effects = super().apply(kind, first, second)
        if kind == START:
            self.watch.starts(self.cluster.disks[self.me].entries)
        if not self.runs:  # it crashed among them
            for effect in effects:
                self.watch.did(effect)
            return effects
        if (self.role, self.term) != known[:2]:
            self.watch.leads(known[2])
            self.waiting = {one: [] for one in self.others}
        for effect in effects:
            self._look(effect)
        if self.role == LEADER:
            self._check_commit(self.commit, "its commit index is")
        return effects

    def _note_reply(self, data: bytes) -> None:
        try:
            reply = decode(data)
        except Malformed:
            return
        if not isinstance(reply, AppendEntriesReply) or reply.follower_id not in self.others:
            return
        if reply.success and reply.term == self.term:
            self.watch.acknowledged(reply.follower_id, reply.log_index)

    def _look(self, effect: Effect) -> None:
        if effect[0] == APPLY and self._applies:
            self._check_applied(*effect[1:])
        if effect[0] == APPLY and self.role == LEADER:
            self._check_commit(effect[1], "it applies entry")
        self.watch.did(effect)
        if effect[0] == SEND:
            message = decode(effect[2])  # the rules have seen that it does
            if isinstance(message, AppendEntries):
                self._check_request(effect[1], message, effect[2])
            elif isinstance(message, AppendEntriesReply) and message.success and self._promises:
                self._check_promise(message)

    def _check_request(self, to: int, seen: AppendEntries, data: bytes) -> None:
        right = self.watch.right(seen, self.term, self.me)
        if seen != right:
            self._wrong_request(to, seen, right, data)
        before = self.watch.seqs.get(to)
        if before is not None and not 0 < (seen.seq - before) % (1 << 32) < 1 << 31:
            self.fail(
                f"seq {seen.seq} follows {before} on the way to server {to}",
                "seq",
                "it grows with each request of a term",
            )
        if seen.leader_commit > self.commit:
            self.fail(
                f"it tells server {to} that {seen.leader_commit} is committed, and its own commit "
                f"index is {self.commit}",
                "leader-commit",
                "leader_commit is the leader's commit index",
            )
        self.watch.seqs[to] = seen.seq
        self.waiting.setdefault(to, []).append(seen)

    def _wrong_request(
        self, to: int, seen: AppendEntries, right: AppendEntries, data: bytes
    ) -> NoReturn:
        prev, log = seen.prev_log_index, self.watch.log
        if prev > len(log):
            id, why = "prev-beyond", f"prev_log_index is {prev}, and its log ends at {len(log)}"
        elif seen.prev_log_term != right.prev_log_term:
            id = "prev-term"
            why = f"entry {prev} of its own log is of term {right.prev_log_term}"
        elif seen.entries != right.entries:
            id, why = "entries-not-own", _other_entry(prev, seen, right)
        else:
            id, why = "request-head", f"server {self.me} leads in term {self.term}"
        self._raise(
            StageFailure(
                f"it sends {show(seen)} to server {to}, and should send {show(right)}",
                difference=difference(encode(right), data),
                diagnosis=Diagnosis(id, why),
            )
        )

    def _check_commit(self, index: int, what: str) -> None:
        watch = self.watch
        if index > watch.floor:
            watch.floor = watch.may_commit(self.term)
        if index <= watch.floor:
            return
        held = 2 * watch.holders(index) > watch.servers
        shares = watch.shares(index)
        if held and index <= len(watch.log):
            self.fail(
                f"{what} {index}, of term {watch.term_at(index)}; it leads in term {self.term}, "
                f"and no entry of that term is on a majority yet. Of entry {index} {shares}",
                "commit-old-term",
                "section 5.4.2: only entries of the leader's own term are committed by counting",
            )
        unsynced = 2 * (watch.holders(index) + 1) > watch.servers and watch.durable < index
        self.fail(
            f"{what} {index}; of that one {shares}",
            "commit-unsynced" if unsynced and len(watch.log) >= index else "commit-early",
            "figure 2, Leaders: a majority of matchIndex[i] >= N",
        )

    def _check_applied(self, index: int, term: int, data: bytes) -> None:
        watch = self.watch
        if index != watch.applied + 1:
            self.fail(
                f"it applies entry {index} after entry {watch.applied}",
                "apply-order",
                "each entry once, in the order of indexes, from the first on",
            )
        if index > self.commit:
            self.fail(
                f"it applies entry {index}, and its commit index is {self.commit}",
                "apply-uncommitted",
                "only what is committed is applied",
            )
        if index > len(watch.log) or watch.log[index - 1] != (term, data):
            self.fail(
                f"it applies entry {index} as {in_words((term, data))}; in its log that is "
                f"{in_words(watch.log[index - 1]) if index <= len(watch.log) else 'none'}",
                "apply-other",
                "what is applied is the entry of the log, its term and its bytes",
            )

    def _check_promise(self, reply: AppendEntriesReply) -> None:
        if reply.log_index > self.watch.durable:
            self.fail(
                f"it acknowledges entries up to {reply.log_index}, and has synced them up to "
                f"{self.watch.durable} only",
                "ack-before-sync",
                "figure 2, State: updated on stable storage before responding to RPCs",
            )


def in_words(entry: Entry) -> str:
    """Of a long one, the beginning and the size."""
    term, data = entry
    if len(data) <= 20:
        return f"term {term} {data!r}"
    return f"term {term} {data[:12]!r}… ({len(data):,} bytes)"


def _other_entry(prev: int, seen: AppendEntries, right: AppendEntries) -> str:
    for at, entry in enumerate(seen.entries):
        if at == len(right.entries):
            return f"its log ends at {prev + at}"
        if entry != right.entries[at]:
            mine, sent = right.entries[at], entry
            return (
                f"entry {prev + at + 1} is {in_words((mine.term, mine.data))}, and is sent as "
                f"{in_words((sent.term, sent.data))}"
            )
    return "its log has other entries there"
