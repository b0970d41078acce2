"""One server of the student's core, and peers that the stage plays: what happens to it, and what it
has to do about that. Times are milliseconds.

A correct server may do more than a stage asks for: it may ask for votes again, send heartbeats
early, save again what it has saved, and be due before anything is. It answers each request once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Self

from grader.labs.simulator import Simulator, fail_broken
from grader.sim.cluster import DISK, START, TELL, TICK, Cluster, Input
from grader.sim.invariants import ASKED, Broken
from grader.sim.run import Rules, Run, elections, recorded, told
from grader.sim.server import CANDIDATE, FOLLOWER, LEADER, SEND, Config, Effect, Entry
from grader.sim.shrink import shrink, without_idle_ticks
from grader.verdicts import Diagnosis, StageFailure
from grader.wire import guess
from grader.wire.annotate import MESSAGE
from grader.wire.diff import difference
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    Malformed,
    Message,
    RequestVote,
    RequestVoteReply,
    decode,
    encode,
)

__all__ = ["CANDIDATE", "FOLLOWER", "LEADER", "Scene", "heartbeat", "show"]

ROLES = {FOLLOWER: "a follower", CANDIDATE: "a candidate", LEADER: "a leader"}
NOBODY = 0
_AT_ONCE = 10  # ticks that one moment may take
_START_MS = 1000
_TRIES = 150  # replays that make a failure shorter
_PLACES = {"role": 2, "term": 3, "voted_for": 4, "leader": 5, "last_index": 6}


def heartbeat(term: int, leader: int, seq: int = 1) -> AppendEntries:
    return AppendEntries(term, leader, 0, 0, 0, seq, ())


def show(message: Message) -> str:
    """A message in words."""
    match message:
        case RequestVote():
            return (
                f"RequestVote(term {message.term}, candidate {message.candidate_id}, last log "
                f"{message.last_log_index}/{message.last_log_term})"
            )
        case RequestVoteReply():
            given = "granted" if message.vote_granted else "refused"
            return f"a vote's reply (term {message.term}, {given})"
        case AppendEntries():
            return (
                f"AppendEntries(term {message.term}, leader {message.leader_id}, prev "
                f"{message.prev_log_index}/{message.prev_log_term}, seq {message.seq}"
                f"{_entries(message)})"
            )
        case AppendEntriesReply():
            return (
                f"AppendEntries' reply (term {message.term}, follower {message.follower_id}, "
                f"log_index {message.log_index}, success {message.success}, "
                f"commit {message.follower_commit})"
            )


class Scene:
    """A cluster of ``servers``, of which only ``me`` runs. It has saved ``vote`` (term, and the
    vote in it) and a log of entries with these ``terms``, and data where it is given. All rules
    hold, those on what is saved too, if it is ``durable``.
    """

    RULES: tuple[Rules, Rules] = (told, elections)

    def __init__(
        self,
        simulator: Simulator,
        servers: int = 3,
        me: int = 1,
        *,
        vote: tuple[int, int] = (0, NOBODY),
        terms: Sequence[int | Entry] = (),
        config: Config | None = None,
        start: int = _START_MS,
        seed: int = 1,
        durable: bool = False,
    ) -> None:
        self._simulator, self.me = simulator, me
        self.config = config or Config(servers)
        self.others = [one for one in range(1, self.config.servers + 1) if one != me]
        self._rules = self.RULES[durable]
        self.cluster = Cluster(simulator, self.config, self._rules(self.config))
        self.now = start
        if vote != (0, NOBODY) or terms:
            self.apply(DISK, (*vote, *terms))
        self.start(seed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """The end of it: all that happened counts."""
        if self.cluster.inputs:
            self._simulator.count(self._recorded())
        self.cluster.close()

    def _recorded(self, broken: Broken | None = None) -> Run:
        return recorded(self.cluster, broken, self._rules)

    def _shrunk(self, broken: Broken) -> Run:
        host, run = self._simulator.host, self._recorded(broken)
        return without_idle_ticks(host, run) if broken.rule == ASKED else shrink(host, run, _TRIES)

    # --- what happens ---

    def apply(self, kind: str, first: Any = 0, second: int = 0) -> list[Effect]:
        """An input, now. What the server did."""
        number = len(self.cluster.inputs) + 1
        one: Input = (number, kind, self.now, self.me, first, second)
        self._simulator.look()
        try:
            self.cluster.apply(one)
        except Broken as broken:
            fail_broken(self._shrunk(broken))
        return self.cluster.answers[-1][0] if self.cluster.inputs[-1] is one else []

    def start(self, seed: int = 1) -> list[Effect]:
        return self.apply(START, seed)

    def tick(self) -> list[Effect]:
        return self.apply(TICK)

    def tell(self, sender: int, message: Message | bytes) -> list[Effect]:
        """A message of one of the others (NOBODY: it is not known whose)."""
        data = message if isinstance(message, bytes) else encode(message)
        return self.apply(TELL, data, sender)

    def settle(self) -> list[Effect]:
        """Ticks for as long as the server is due now."""
        done: list[Effect] = []
        for _ in range(_AT_ONCE):
            if not self.runs or self.deadline > self.now:
                break
            done += self.tick()
        return done

    def pass_time(self, until: int) -> list[Effect]:
        """As an honest host lets it pass: with a tick whenever the server is due."""
        done: list[Effect] = []
        while self.deadline <= until:
            self.now = max(self.now, self.deadline)
            done += self.tick()
        self.now = until
        return done

    def pass_until(self, role: int, until: int) -> list[Effect]:
        """As ``pass_time``, but only up to the moment when it has that role."""
        done: list[Effect] = self.settle()
        while self.role != role and self.deadline <= until:
            self.now = max(self.now, self.deadline)
            done += self.tick()
        return done + self.settle()

    def stand(self) -> list[Effect]:
        """Time passes until it is a candidate; at most the longest timeout."""
        latest = self.now + self.config.election_max
        done = self.pass_until(CANDIDATE, latest)
        if self.role not in (CANDIDATE, LEADER):
            self.fail(
                f"no leader was heard for {self.config.election_max} ms, the longest timeout, and "
                f"it is still {ROLES.get(self.role, 'of no known role')}; its deadline is "
                f"{self.deadline - self.now:+} ms away",
                "never-stands",
                "a follower that hears nothing for its timeout becomes a candidate",
            )
        return done

    def lead(self) -> list[Effect]:
        """It stands, and gets the votes of all others until it leads."""
        self.stand()
        done: list[Effect] = []
        for voter in self.others:
            if self.role == CANDIDATE:
                done += self.tell(voter, RequestVoteReply(self.term, 1))
                done += self.settle()
        self.expect("it has the votes of a majority", role=LEADER, leader=self.me)
        return done

    # --- what it is ---

    @property
    def runs(self) -> bool:
        """Not since it crashed."""
        return self.cluster.runs(self.me)

    def _state(self, name: str) -> int:
        state = self.cluster.states[self.me]
        assert state is not None
        return int(state[_PLACES[name]])

    @property
    def role(self) -> int:
        return self._state("role")

    @property
    def term(self) -> int:
        return self._state("term")

    @property
    def deadline(self) -> int:
        state = self.cluster.states[self.me]
        assert state is not None
        return state[0]

    @property
    def accepted(self) -> bool:
        """What raft_receive returned just now."""
        return bool(self.cluster.answers[-1][1][1])

    def status(self) -> dict[str, int]:
        return {name: self._state(name) for name in _PLACES}

    # --- what it has to be and do ---

    def fail(self, summary: str, id: str, why: str) -> NoReturn:
        self._raise(StageFailure(summary, diagnosis=Diagnosis(id, why)))

    def _raise(self, failure: StageFailure) -> NoReturn:
        last = self.cluster.inputs[-1]
        failure.run = self._shrunk(Broken(ASKED, self.me, failure.summary))
        failure.summary = f"event {last[0]}, at {last[2]} ms: {failure.summary}"
        raise failure

    def expect(self, when: str, **wanted: int) -> None:
        """What raft_status has to say, by the names of its members."""
        known = self.status()
        for name, value in wanted.items():
            if known[name] != value:
                self.fail(
                    f"{when}: raft_status says {_say(name, known[name])}; it should be "
                    f"{_say(name, value)}",
                    f"status-{name.replace('_', '-')}",
                    f"{when}: that makes it {_say(name, value)}",
                )

    def expect_unchanged(self, before: dict[str, int], when: str) -> None:
        self.expect(f"{when}, which changes nothing", **before)

    def ask(self, sender: int, request: Message, reply: Message, why: str = "") -> list[Effect]:
        """A request of one of the others, and the one reply that is right, to the byte."""
        effects, came = self.ask_for(sender, request, reply)
        self.expect_bytes(came, reply, f"the reply to {show(request)}", why)
        return effects

    def ask_for(self, sender: int, request: Message, reply: Message) -> tuple[list[Effect], bytes]:
        """A request of one of the others: what the server does, and its one reply, which is of the
        same type as the one that is due.
        """
        effects = self.tell(sender, request)
        accepted = self.accepted
        effects = effects + self.settle()
        if not accepted:
            self.fail(
                f"raft_receive says false to {show(request)} of server {sender}, which is right",
                "refused",
                "its connection would be closed, and no vote and no heartbeat come by it any more",
            )
        replies = sent(effects, type(reply))
        if not replies:
            self.fail(
                f"no reply to {show(request)} of server {sender}",
                "no-reply",
                f"due is {show(reply)}",
            )
        if len(replies) > 1 or replies[0][0] != sender:
            to = " and ".join(f"server {one}" for one, _ in replies)
            self.fail(
                f"{len(replies)} replies to {show(request)} of server {sender}: to {to}",
                "reply-elsewhere",
                "each request gets one reply, which goes to its sender",
            )
        return effects, replies[0][1]

    def expect_bytes(self, came: bytes, wanted: Message, what: str, why: str = "") -> None:
        """``what`` is this message, to the byte."""
        right = encode(wanted)
        if came == right:
            return
        found = _decoded(came)
        seen = show(found) if found else "no message"
        cause = why or f"due is {show(wanted)}"
        guessed = guess.cause(right, came, MESSAGE) if found is None else None
        failure = StageFailure(
            f"{what} is {seen}, and should be {show(wanted)}",
            difference=difference(right, came),
            diagnosis=guessed or Diagnosis(_wrong_field(found, wanted), cause),
        )
        self._raise(failure)


def _entries(message: AppendEntries) -> str:
    """Their number, and their terms: of many, the first and the last."""
    terms = [str(entry.term) for entry in message.entries]
    commit = f", commit {message.leader_commit}" if message.leader_commit else ""
    if not terms:
        return commit
    if len(terms) == 1:
        return f"{commit}, an entry of term {terms[0]}"
    shown = terms if len(terms) <= 8 else [*terms[:4], "…", terms[-1]]
    return f"{commit}, {len(terms):,} entries of terms {' '.join(shown)}"


def _decoded(data: bytes) -> Message | None:
    try:
        return decode(data)
    except Malformed:
        return None


def _wrong_field(found: Message | None, wanted: Message) -> str:
    """An id for the first field that differs."""
    if type(found) is type(wanted):
        for name in wanted.__dataclass_fields__:
            if getattr(found, name) != getattr(wanted, name):
                return f"reply-{name.replace('_', '-')}"
    return "reply-bytes"


def _say(name: str, value: int) -> str:
    if name == "role":
        return ROLES.get(value, f"role {value}").removeprefix("a ")
    if name in ("leader", "voted_for"):
        return f"{name} {value}" if value else f"{name} nobody"
    return f"{name} {value}"


def sent(effects: list[Effect], kind: type) -> list[tuple[int, bytes]]:
    """The messages of that kind: receiver and bytes. (The rules have seen that they decode.)"""
    found = [(effect[1], effect[2]) for effect in effects if effect[0] == SEND]
    return [(to, data) for to, data in found if isinstance(_decoded(data), kind)]
