"""A whole cluster of the student's servers in virtual time, driven step by step: who talks to whom,
whose clock goes on, what clients propose. Times are milliseconds.

Messages take 1 ms, unless a link is slow, and arrive in order. Whatever a scenario expects, it
waits for: a correct server may be slower than most, but not for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, NoReturn

from grader.labs.simulator import Simulator, fail_broken, rule_id
from grader.run import procinfo
from grader.run.random import Random
from grader.sim.cluster import (
    CRASH,
    DISK,
    FLOOD_MS,
    PROPOSE,
    RECEIVE,
    START,
    TICK,
    Cluster,
    Input,
)
from grader.sim.invariants import APPEND, ASKED, FLOOD, Broken, decode
from grader.sim.run import Run, logs, recorded
from grader.sim.schedule import CALM, Schedule
from grader.sim.server import CANDIDATE, LEADER, Config, State
from grader.sim.shrink import shrink, without_idle_ticks
from grader.verdicts import Diagnosis, Hang, StageFailure

PATIENCE = 20  # longest election timeouts, in which whatever is expected has to happen
_ELECTIONS = 10  # that one server may need until it leads
_TRIES = 300  # replays that make a failure shorter
# Messages in FLOOD_MS: for each other server several times what a leader needs that sends each
# entry by itself, and all that are not acknowledged again with each heartbeat; and the most of all.
_FLOOD_OF_ONE, _FLOOD_OF_ENTRY, _FLOOD_SIZE = 300, 30, 10_000


@dataclass(frozen=True)
class Passed:
    """A message that was sent."""

    at: int
    sender: int
    to: int
    message: bytes


def _most_requests(passed: Iterable[Passed]) -> str:
    """The AppendEntries that came most often, in words; "" where there is none."""
    counts = Counter[tuple[int, int, int]]()
    for one in passed:
        fields = decode(one.message)
        if fields[0] == APPEND:
            counts[one.sender, one.to, fields[4]] += 1
    for (sender, to, prev), count in counts.most_common(1):
        return f", {count:,} of them AppendEntries of server {sender} to {to} with prev {prev}"
    return ""


class Scenario:
    """Servers 1 to ``servers`` start at once; ``disks`` says what some of them have saved: term,
    vote, and the terms of their entries. Raises StageFailure for a rule that is broken, and for
    what is expected and does not come; ``step`` is the words for what goes on.
    """

    def __init__(
        self,
        simulator: Simulator,
        title: str,
        servers: int,
        disks: dict[int, Sequence[int]] | None = None,
        config: Config | None = None,
    ) -> None:
        self._simulator, self._title, self.step = simulator, title, "all servers start"
        self.config = config or Config(servers)
        self.servers = range(1, self.config.servers + 1)
        self.cluster = Cluster(simulator, self.config, logs(self.config))
        self.now, self.passed = 0, list[Passed]()
        self._awake = set(self.servers)  # whose clocks go on
        self._behind = dict.fromkeys(self.servers, 0)  # how far each clock is
        self._cut: set[tuple[int, int]] = set()  # sender and receiver
        self._delays: dict[tuple[int, int], int] = {}
        self._mail: list[tuple[int, int, int, int, int, int]] = []
        self._order = self._starts = 0
        for server, saved in (disks or {}).items():
            self._apply(DISK, server, tuple(saved))
        for server in self.servers:
            self.start(server)

    # --- the end of it ---

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Until the end of it all that happened counts."""
        try:
            yield
        finally:
            self._simulator.count(self._recorded())
            self.cluster.close()

    def _recorded(self, broken: Broken | None = None) -> Run:
        return recorded(self.cluster, broken, logs)

    def _where(self) -> str:
        return f"{self._title}: where {self.step}: "

    def fail(self, id: str, summary: str, why: str) -> NoReturn:
        """What the scenario expects has not come."""
        broken = Broken(ASKED, 0, f"{self._where()}{summary}")
        run = without_idle_ticks(self._simulator.host, self._recorded(broken))
        failure = StageFailure(f"{self._where()}{summary}", diagnosis=Diagnosis(id, why))
        failure.run = run
        raise failure

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """A rule that breaks in here fails the stage, with a run that is as short as can be."""
        try:
            yield
        except Broken as broken:
            run = shrink(self._simulator.host, self._recorded(broken), _TRIES)
            fail_broken(run, self._where())

    # --- what happens ---

    def _apply(self, kind: str, server: int, first: Any = 0, second: int = 0) -> None:
        inputs = self.cluster.inputs
        number = inputs[-1][0] + 1 if inputs else 1
        one: Input = (number, kind, self.now - self._behind[server], server, first, second)
        try:
            self._simulator.look()
        except Hang as hang:
            hang.summary = f"{self._where()}{hang.summary}; {len(self.passed):,} messages were sent"
            raise
        with self._judged():
            for which, (sender, to, message) in enumerate(self.cluster.apply(one)):
                self.passed.append(Passed(self.now, sender, to, message))
                self._post(sender, to, number, which)
        self._expect_no_flood()

    def _expect_no_flood(self) -> None:
        """As a rule says of networks that have healed."""
        entries = max((state[6] for state in self.cluster.states if state is not None), default=0)
        others = len(self.servers) - 1
        size = min(_FLOOD_SIZE, others * (_FLOOD_OF_ONE + _FLOOD_OF_ENTRY * entries))
        if not 0 < size <= len(self.passed):
            return
        passed = self.passed[-size:]
        spent = self.now - passed[0].at
        if spent < FLOOD_MS:
            self.fail(
                rule_id(FLOOD),
                f"in {spent} ms {size:,} messages were sent{_most_requests(passed)}",
                "a message makes another one, or its answer, and not several",
            )

    def _post(self, sender: int, to: int, number: int, which: int) -> None:
        if (sender, to) not in self._cut:
            self._order += 1
            at = self.now + self._delays.get((sender, to), 1)
            heappush(self._mail, (at, self._order, sender, to, number, which))

    def start(self, server: int) -> None:
        self._starts += 1
        self._apply(START, server, self._starts)

    def crash(self, *servers: int) -> None:
        """What they have not synced is lost."""
        for server in servers:
            self._apply(CRASH, server)

    def restart(self, *servers: int) -> None:
        for server in servers:
            self.start(server)

    def propose(self, server: int, data: bytes | None = None) -> int:
        """A client asks that leader, which may first have to tell that it leads. The index that the
        entry has there.
        """
        for _ in range(_ELECTIONS):
            self._apply(PROPOSE, server, b"%d" % len(self.cluster.inputs) if data is None else data)
            index = self.state(server)[1]
            if index:
                return index
            self.run(1)
        self.fail(
            "scenario-not-committed",
            f"server {server} takes no proposal",
            "a leader appends what clients propose",
        )

    # --- the network ---

    def cut(self, sender: int, to: int) -> None:
        """That link, in this direction."""
        self._cut.add((sender, to))

    def split(self, *sides: Sequence[int]) -> None:
        """Who is on no side is alone."""
        groups = [
            *sides,
            *([one] for one in self.servers if not any(one in side for side in sides)),
        ]
        side = {one: number for number, group in enumerate(groups) for one in group}
        everybody = [(one, other) for one in self.servers for other in self.servers]
        self._cut = {pair for pair in everybody if side[pair[0]] != side[pair[1]]}

    def join(self) -> None:
        """All links work."""
        self._cut = set()

    def slow(self, sender: int, to: int, delay: int) -> None:
        self._delays[sender, to] = delay

    # --- time ---

    def _next(self) -> int:
        """When something is to happen next."""
        states = ((one, self.cluster.states[one]) for one in self._awake)
        due = [state[0] + self._behind[one] for one, state in states if state is not None]
        mail = [self._mail[0][0]] if self._mail else []
        return min(due + mail, default=1 << 62)

    def _happen(self) -> None:
        """The first thing that is to happen next: a message before a clock."""
        self._pass(max(self.now, self._next()))
        if self._mail and self._mail[0][0] <= self.now:
            _, _, sender, to, number, which = heappop(self._mail)
            if (sender, to) not in self._cut:
                self._apply(RECEIVE, to, number, which)
            return
        for server in sorted(self._awake):
            state = self.cluster.states[server]
            if state is not None and state[0] + self._behind[server] <= self.now:
                self._apply(TICK, server)
                return

    def _pass(self, now: int) -> None:
        for server in set(self.servers) - self._awake:
            self._behind[server] += now - self.now
        self.now = now

    def run(self, ms: int) -> None:
        """Time passes."""
        until = self.now + ms
        while self._next() <= until:
            self._happen()
        self._pass(until)

    def wait(self, done: Callable[[], bool], within: int = 0) -> bool:
        """Time passes until then. False: for so long (0: as long as anything may take) it was
        not.
        """
        until = self.now + (within or PATIENCE * self.config.election_max)
        while not done():
            if self._next() > until:
                self._pass(until)
                return False
            self._happen()
        return True

    @contextmanager
    def asleep(self, *servers: int) -> Iterator[None]:
        """Their clocks stand still meanwhile: each server has one of its own."""
        before, self._awake = self._awake, self._awake - set(servers)
        try:
            yield
        finally:
            self._awake = before

    # --- what there is ---

    def state(self, server: int) -> State:
        state = self.cluster.states[server]
        assert state is not None, f"server {server} does not run"
        return state

    def leads(self, server: int) -> bool:
        state = self.cluster.states[server]
        return state is not None and state[2] == LEADER

    def term(self, server: int) -> int:
        return self.state(server)[3]

    def last(self, server: int) -> int:
        return self.state(server)[6]

    def commit(self, server: int) -> int:
        state = self.cluster.states[server]
        return state[7] if state is not None else 0

    def cpu_seconds(self) -> float:
        """Of all servers that run, and the program that forked them."""
        return sum(map(procinfo.cpu_seconds, self._simulator.program.processes()))

    # --- what is expected ---

    def stand(self, server: int) -> bool:
        """That server's clock goes on alone until it stands, and has all votes that it can get.
        Whether it leads then.
        """
        with self.asleep(*(one for one in self.servers if one != server)):
            began = self.term(server)
            self.wait(lambda: self.state(server)[2] == CANDIDATE and self.term(server) > began)
            self.wait(lambda: not self._mail or self.leads(server), 50)
        return self.leads(server)

    def elect(self, server: int, *, heard: bool = True) -> None:
        """It gets a majority's votes; then all that it reaches hear of it, or nobody yet."""
        for _ in range(_ELECTIONS):
            if self.leads(server) or self.stand(server):
                break
        else:
            self.fail(
                "scenario-not-elected",
                f"server {server} has not won any of {_ELECTIONS} elections, though a majority can "
                "vote for it",
                "its log is as up to date as that of a majority, which it reaches",
            )
        if heard:
            with self.asleep(*(one for one in self.servers if one != server)):
                self.run(3)

    def committed(self, index: int, *servers: int, missing: int = 0) -> None:
        """That entry is committed on these servers, soon enough. One that lacks so many entries
        may get one of them with each heartbeat.
        """
        config = self.config
        within = PATIENCE * config.election_max + 2 * missing * config.heartbeat
        if not self.wait(lambda: all(self.commit(one) >= index for one in servers), within):
            late = next(one for one in servers if self.commit(one) < index)
            self.fail(
                "scenario-not-committed",
                f"entry {index} is not committed on server {late}, whose commit index is "
                f"{self.commit(late)}, {within:,} ms later",
                "a majority is up, and connected to its leader",
            )

    def not_committed(self, index: int, ms: int, *servers: int) -> None:
        """No entry is at that index, for so long, on any of these servers."""
        if self.wait(lambda: any(self.commit(one) >= index for one in servers), ms):
            early = next(one for one in servers if self.commit(one) >= index)
            self.fail(
                "scenario-early-commit",
                f"server {early} has committed entry {index}",
                "a majority cannot have it",
            )

    def agree(self, *servers: int) -> int:
        """These follow one leader, soon enough; clients then ask it for one more entry, which gets
        committed. Which of them leads.
        """
        if not self.wait(lambda: self._common_leader(servers) > 0):
            self.fail(
                "scenario-no-leader",
                f"servers {', '.join(map(str, servers))} follow no common leader, {PATIENCE} "
                "election timeouts later",
                "they are a majority, and connected with each other",
            )
        leader = self._common_leader(servers)
        self.committed(self.propose(leader), *servers)
        return leader

    def _common_leader(self, servers: Sequence[int]) -> int:
        """0: they follow none."""
        for leader in servers:
            if self.leads(leader):
                term = self.term(leader)
                known = [self.cluster.states[one] for one in servers]
                if all(one is not None and one[3] == term and one[5] == leader for one in known):
                    return leader
        return 0

    def recover(self) -> None:
        """The network heals, all servers run, and all logs become equal."""
        self.step = f"{self.step}, and then the network heals"
        schedule = Schedule(self.cluster, Random("fair"), CALM)
        with self._judged():
            schedule.run_to_leader()
            schedule.run_to_agreement()
        self.now, self._mail = schedule.now, []
        self._behind = dict.fromkeys(self.servers, 0)
