"""Scenes of lab 6: one server with a log, as a follower that a stage sends entries to, or as the
leader of followers that the stage plays.

A correct server may send entries at once or with its heartbeats, one or many in a request, and more
than once; it may append an entry of its own when it is elected, so no index is known before it is
looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from grader.labs.lab5.scene import NOBODY, show
from grader.labs.lab6.judged import Judged, in_words
from grader.labs.lab6.played import Played
from grader.labs.lab6.watch import as_sent
from grader.labs.simulator import Simulator
from grader.sim.cluster import CRASH, PROPOSE
from grader.sim.server import Effect, Entry
from grader.verdicts import Diagnosis
from grader.wire.messages import AppendEntries, AppendEntriesReply, Message, decode

PATIENCE = 10  # heartbeat intervals in which what is due comes
_IN_CIRCLES = 40  # requests that are answered, and lead nowhere
_ALL = 1 << 20  # of what was saved and not synced


class _Progress(NamedTuple):
    """How far a follower has come: forward, back to where its log fits, and in what it is told."""

    acked: int = 0
    lowest: int = 1 << 31
    commit: int = 0

    def after(self, request: AppendEntries, acked: int) -> _Progress:
        return _Progress(
            max(self.acked, acked),
            min(self.lowest, request.prev_log_index),
            max(self.commit, request.leader_commit),
        )


class LogScene(Judged):
    """``append`` sends entries of ``leader``, in its ``leader_term``; ``peers`` are the followers
    of ``lead_over``.
    """

    def __init__(self, simulator: Simulator, servers: int = 3, me: int = 1, **more: Any) -> None:
        self.peers: dict[int, Played] = {}
        self.leader, self.leader_term = 2, 0
        self._seq = 0
        super().__init__(simulator, servers, me, **more)

    def propose(self, data: bytes) -> int:
        """The index of the entry, or 0."""
        self.apply(PROPOSE, data)
        return int(self.cluster.answers[-1][1][1])

    def restart(self, seed: int = 2, *, kept: int = _ALL) -> None:
        """A crash of which all outlives that was saved, or so much of what was not synced."""
        if self.runs:
            self.apply(CRASH, 0, kept)
        self.now += 1
        self.start(seed)

    # --- as a follower ---

    def append(
        self,
        prev: tuple[int, int],
        entries: Sequence[Entry] = (),
        *,
        commit: int = 0,
        fits: bool = True,
        seq: int | None = None,
        why: str = "",
    ) -> list[Effect]:
        """A request of ``leader``, and its reply: to the byte, but for a refusal's hint, which may
        be any index up to the last one.
        """
        self._seq = seq if seq is not None else self._seq + 1
        term, last, known = self.leader_term, self.last, self.commit
        request = AppendEntries(
            term, self.leader, *prev, commit, self._seq % (1 << 32), as_sent(entries)
        )
        reached = prev[0] + len(entries)
        known = max(known, min(commit, reached)) if fits else known
        reply = AppendEntriesReply(
            max(term, self.term), self.me, reached if fits else 0, int(fits), known, request.seq
        )
        effects, came = self.ask_for(self.leader, request, reply)
        found = decode(came)
        if isinstance(found, AppendEntriesReply) and not fits and found.log_index <= last:
            reply = AppendEntriesReply(
                reply.term, reply.follower_id, found.log_index, 0, known, request.seq
            )
        self.expect_bytes(came, reply, f"the reply to {show(request)}", why)
        self.expect_commit(known, f"it answered {show(request)}")
        return effects

    def expect_commit(self, index: int, when: str) -> None:
        if self.commit != index:
            self.fail(
                f"{when}: raft_status says commit_index {self.commit}; it should be {index}",
                "status-commit-index",
                f"{when}: that makes it {index}",
            )

    def expect_log(self, log: Sequence[Entry], when: str) -> None:
        """All of it: as it is saved, by raft_status, and by the leader's own questions."""
        self.expect(when, last_index=len(log))
        self.expect_saved(log, when)
        for index in range(len(log), -1, -1):
            term = log[index - 1][0] if index else 0
            self.append((index, term), why=f"{when}: entry {index} of its log is of term {term}")
        why = f"{when}: its log ends at {len(log)}"
        self.append((len(log) + 1, self.leader_term), fits=False, why=why)

    def expect_saved(self, log: Sequence[Entry], when: str) -> None:
        saved = self.watch.log
        if saved == list(log):
            return
        pairs = enumerate(zip(saved, log, strict=False))
        at = next((place for place, (one, other) in pairs if one != other), None)
        if at is None:
            seen = f"{len(saved)} entries are saved, and its log has {len(log)}"
        else:
            seen = f"entry {at + 1} is saved as {in_words(saved[at])}, and is {in_words(log[at])}"
        other = Diagnosis("save-other", "save_entry gets what the log gets, index by index")
        found = self.watch.saved_again() if at is None and self.watch.again else other
        self.fail(f"{when}: {seen}", found.id, found.text)

    # --- as a leader ---

    def lead_over(self, *peers: Played) -> None:
        """It wins an election; of these followers each has a log."""
        self.peers = {one.id: one for one in peers}
        self.lead()

    def answer(self, to: int, request: AppendEntries) -> AppendEntriesReply:
        """Of a played follower, to one request."""
        reply = self.peers[to].answer(request)
        self.tell(to, reply)
        self._accepted(reply)
        self.settle()
        return reply

    def reply(self, reply: AppendEntriesReply) -> None:
        """One that its sender may have sent."""
        self.tell(reply.follower_id, reply)
        self._accepted(reply)
        self.settle()

    def _accepted(self, message: Message) -> None:
        if not self.accepted:
            self.fail(
                f"raft_receive says false to {show(message)}, which is right",
                "refused",
                "its connection would be closed, and nothing comes by it any more",
            )

    def lose(self, servers: Iterable[int] = ()) -> None:
        """What is on its way to these, or to all, gets lost."""
        for one in servers or self.others:
            self.waiting[one] = []

    def serve(
        self,
        servers: Iterable[int] = (),
        until: Callable[[], bool] = lambda: False,
        *,
        most: int = 0,
    ) -> bool:
        """These followers, or all, answer whatever comes, or ``most`` requests; what goes to others
        waits. Whether that leads to what it is served for: if not, nothing comes forward any more.
        """
        whom = list(servers) or list(self.peers)
        patience = PATIENCE * self.config.heartbeat
        limit, answered, idle, best = self.now + patience, 0, 0, dict[int, _Progress]()
        while not until():
            to = next((one for one in whom if self.waiting.get(one)), NOBODY)
            if to != NOBODY:
                request = self.waiting[to].pop(0)
                self.answer(to, request)
                before = best.get(to, _Progress())
                best[to] = before.after(request, self.watch.acked.get(to, 0))
                answered, idle = answered + 1, idle + 1
                if best[to] != before:
                    limit, idle = self.now + patience, 0
            elif self.deadline > limit:
                return until()
            else:
                self.now = max(self.now, self.deadline)
                self.tick()
            if idle == _IN_CIRCLES or answered == most > 0:
                return until()
        return True

    def knows(self, to: int, index: int) -> Callable[[], bool]:
        """Whether a played follower has acknowledged the leader's log up to there."""
        return lambda: self.watch.acked.get(to, 0) >= index

    def expect_reached(self, index: int, servers: Iterable[int] = (), when: str = "") -> None:
        """These followers, or all, get the leader's log up to there, and acknowledge it."""
        for to in servers or list(self.peers):
            if not self.serve([to], self.knows(to, index)):
                has = self.watch.acked.get(to, 0)
                self._expect_back(self.peers[to])
                self.fail(
                    f"{when or 'a follower answers all that it is asked'}, and server {to} does "
                    f"not get entry {index}: it has acknowledged entries up to {has}, and for "
                    f"{PATIENCE} heartbeat intervals nothing new is sent",
                    "not-replicated",
                    "figure 2, Leaders: if last log index >= nextIndex, send entries from there on",
                )

    def _expect_back(self, peer: Played) -> None:
        """Its latest reply is no refusal: nothing came that fits better."""
        if peer.asked is None or not peer.replies or peer.replies[-1].success:
            return
        prev, hint = peer.asked.prev_log_index, peer.replies[-1].log_index
        self.fail(
            f"server {peer.id} refused prev {prev} with log_index {hint}, and no request comes "
            "after that whose prev lies further back",
            "no-back-up",
            self.back_from(peer.id, prev, hint),
        )

    def back_from(self, to: int, prev: int, hint: int) -> str:
        """Where a refusal leads the leader: formula and names are PROTOCOL's, section 2."""
        match = self.watch.acked.get(to, 0)
        due = max(match, min(prev - 1, hint))
        return (
            f"it goes back to next = {due + 1}, so prev is {due}: max(match + 1, min(prev of the "
            f"refused request, hint + 1)), and match is {match}"
        )

    def seq_to(self, to: int) -> int:
        """Of the latest request to that server."""
        if to not in self.watch.seqs:
            self.fail(
                f"it leads, and has sent no AppendEntries to server {to}",
                "not-replicated",
                "figure 2, Leaders: upon election, and from then on at each heartbeat",
            )
        return self.watch.seqs[to]

    def expect_counted(self, when: str, servers: Iterable[int] = ()) -> None:
        """It has committed all that it may. (It may take the reply to its latest request only: so
        these go on to answer, or all that have acknowledged anything.)
        """
        self.settle()
        due = self.watch.may_commit(self.term)
        answering = list(servers) or [to for to in self.peers if self.watch.acked.get(to)]
        if self.commit < due and not self.serve(answering, lambda: self.commit >= due):
            self.fail(
                f"{when}: its commit index is {self.commit}, and it should be {due}: "
                f"{self.watch.shares(due)}",
                "commit-late",
                "figure 2, Leaders: a majority of matchIndex[i] >= N, and log[N].term is its own",
            )
