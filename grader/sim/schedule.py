"""Who draws what happens to a cluster: clocks, a network that loses, delays, repeats and reorders,
links that work one way, partitions, crashes and restarts, and clients that propose. All of it
depends on the seed, the stage and the run's number alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Any

from grader.run.random import Random
from grader.sim.cluster import (
    AGREE,
    DOOM,
    EXPECT,
    HEAL,
    PROPOSE,
    RECEIVE,
    START,
    TICK,
    Cluster,
    Input,
    Sent,
)
from grader.sim.server import LEADER

_MOVE, _CRASH = "move", "crash"  # of the plan, beside the inputs
_NEVER = 1 << 62
LEADER_WITHIN = 20  # maximum election timeouts after the network heals
_SCALE = 1 << 16
_MOST_AT_ONCE = 3  # proposals of a client
_SIZES = (0, 1, 10, 10, 100, 100, 1000, 20_000)  # bytes of a proposal, at most
# Heartbeat intervals in which logs become equal: so many, and for each entry that is not committed
# everywhere so many more. A leader may go back by one in each of them, and forward by one again.
_TO_AGREE, _FOR_EACH = 20, 3


@dataclass(frozen=True)
class Faults:
    """Chances are of 65,536; times are milliseconds, from 1 or 0 to that."""

    loss: int = 0
    repeat: int = 0
    late: int = 0  # the chance of a delay of up to ``latest``
    delay: int = 10
    latest: int = 1000
    slowness: int = 2  # how late a server looks at its clock
    moves: int = 0  # between changes of the network; 0: it has no partitions
    crashes: int = 0  # between crashes; 0: there are none
    rest: int = 600  # from a crash to the restart
    proposals: int = 0  # between those of clients; 0: there are none

    @staticmethod
    def draw(random: Random, longest: int = 300) -> Faults:
        """For timeouts of at most ``longest`` ms. Each kind of trouble is there in some runs, and
        missing in others. In a third of them the network is slower than elections, so that old
        messages meet new terms.
        """

        def maybe(most: int) -> int:
            return random.between(1, most) if random.below(2) else 0

        return Faults(
            loss=maybe(_SCALE // 4),
            repeat=maybe(_SCALE // 4),
            late=maybe(_SCALE // 8),
            delay=random.between(1, (10, 60, 400)[random.below(3)]),
            slowness=random.between(0, 10),
            moves=maybe(900),
            crashes=maybe(2000),
            latest=1000 * longest // 300,
            rest=2 * longest,
        )

    def with_clients(self, random: Random) -> Faults:
        """The same, and clients: from busy ones to such that hardly ever come."""
        return replace(self, proposals=random.between(1, (15, 60, 400)[random.below(3)]))


CALM = Faults()


class Schedule:
    """Draws inputs for a cluster, and applies them. They follow those that it has had; messages
    that are under way are lost.
    """

    def __init__(self, cluster: Cluster, random: Random, faults: Faults) -> None:
        self.cluster, self.random, self.faults = cluster, random, faults
        self._count = count = cluster.config.servers
        self._plan: list[tuple[int, int, str, int, int, int]] = []
        self._order = 0
        self._number = cluster.inputs[-1][0] if cluster.inputs else 0
        self.now = max((one[2] for one in cluster.inputs), default=0)
        self._wakes = [_NEVER] * (count + 1)  # when each server is to look at its clock
        self._cut = [[False] * (count + 1) for _ in range(count + 1)]  # from, to
        for server, state in enumerate(cluster.states[1:], 1):
            if state is None:
                self._add(self.now + random.between(0, 20), START, server)
            else:
                self._wake(server, state[0])
        self._plan_faults()

    def _add(self, at: int, what: str, server: int, first: int = 0, second: int = 0) -> None:
        self._order += 1
        heappush(self._plan, (at, self._order, what, server, first, second))

    def _plan_faults(self) -> None:
        faults = self.faults
        plans = (_MOVE, faults.moves), (_CRASH, faults.crashes), (PROPOSE, faults.proposals)
        for what, pause in plans:
            if pause:
                self._add(self.now + self.random.between(1, pause), what, 0)

    def run(self, until: int, most: int = 1 << 30) -> None:
        """All that is planned up to that time, if the cluster has fewer than ``most`` events by
        then. Raises Broken.
        """
        while self._is_planned_by(until):
            self.step()
            if len(self.cluster.inputs) >= most:
                return
        self.now = until

    def _is_planned_by(self, until: int) -> bool:
        return bool(self._plan) and self._plan[0][0] <= until

    def step(self) -> None:
        """The next thing that is planned."""
        self.now, _, what, server, first, second = heappop(self._plan)
        if what == RECEIVE:
            if self.cluster.runs(server):
                self._apply(RECEIVE, server, first, second)
        elif what == TICK:
            if first == self._wakes[server]:  # else another moment has taken its place
                self._look_at_clock(server)
        elif what == START:
            self._apply(START, server, self.random.next())
        elif what == _MOVE:
            self._move()
        elif what == PROPOSE:
            self._propose()
        else:
            self._doom()

    def _apply(self, kind: str, server: int, first: Any = 0, second: int = 0) -> None:
        cluster = self.cluster
        sent = cluster.apply(self._input(kind, server, first, second))
        if sent:
            self._send(sent)
        state = cluster.states[server]
        if state is None:
            self._wakes[server] = _NEVER
            self._add(self.now + self.random.between(1, self.faults.rest), START, server)
        elif state[0] < self._wakes[server]:
            self._wake(server, state[0])

    def _input(self, kind: str, server: int, first: Any, second: int) -> Input:
        self._number += 1
        return self._number, kind, self.now, server, first, second

    def _arrange(self, kind: str, server: int = 0, first: int = 0, second: int = 0) -> None:
        self.cluster.apply(self._input(kind, server, first, second))

    def _send(self, sent: list[Sent]) -> None:
        faults, plan, draw = self.faults, self._plan, self.random.next
        for which, (sender, to, _) in enumerate(sent):
            chance = draw()
            if self._cut[sender][to] or chance & 0xFFFF < faults.loss:
                continue
            most = faults.latest if (chance >> 16) & 0xFFFF < faults.late else faults.delay
            at = self.now + 1 + (chance >> 48) % most
            self._order += 1
            heappush(plan, (at, self._order, RECEIVE, to, self._number, which))
            if (chance >> 32) & 0xFFFF < faults.repeat:
                again = self.now + 1 + draw() % faults.latest
                self._add(again, RECEIVE, to, self._number, which)

    def _wake(self, server: int, deadline: int) -> None:
        self._wakes[server] = at = max(self.now, deadline)
        slow = self.random.below(self.faults.slowness + 1) if self.faults.slowness else 0
        self._add(at + slow, TICK, server, at)

    def _look_at_clock(self, server: int) -> None:
        """Its deadline may have moved since."""
        state = self.cluster.states[server]
        self._wakes[server] = _NEVER
        if state is None:
            return
        if state[0] > self.now:
            self._wake(server, state[0])
        else:
            self._apply(TICK, server)

    def _move(self) -> None:
        """The network changes: it is whole, or split, or some links work one way."""
        kind = self.random.below(4)
        side = [self.random.below(2) for _ in range(self._count + 1)]
        lone = self.random.between(1, self._count)
        for sender in range(1, self._count + 1):
            for to in range(1, self._count + 1):
                apart = (False, side[sender] != side[to], lone in (sender, to))
                cut = apart[kind] if kind < 3 else self.random.below(3) == 0
                self._cut[sender][to] = cut
        self._add(self.now + self.random.between(1, self.faults.moves), _MOVE, 0)

    def _doom(self) -> None:
        server = self.random.between(1, self._count)
        after, kept = (20, 12) if self.faults.proposals else (6, 3)
        if self.cluster.runs(server):
            self._arrange(DOOM, server, self.random.below(after), self.random.below(kept))
        self._add(self.now + self.random.between(1, self.faults.crashes), _CRASH, 0)

    def _propose(self) -> None:
        """Clients go to a server that says it leads: maybe it no longer does."""
        known = enumerate(self.cluster.states)
        leaders = [one for one, state in known if state is not None and state[2] == LEADER]
        if leaders:
            leader = leaders[self.random.below(len(leaders))]
            for _ in range(self.random.between(1, _MOST_AT_ONCE)):
                self.propose(leader)
        self._add(self.now + self.random.between(1, self.faults.proposals), PROPOSE, 0)

    def propose(self, server: int) -> None:
        """Something that no client has proposed before."""
        if self.cluster.runs(server):
            most = _SIZES[self.random.below(len(_SIZES))]
            data = b"%d" % (self._number + 1)
            self._apply(PROPOSE, server, data.ljust(self.random.below(most + 1), b"."))

    def heal(self) -> None:
        """From now on there are no more faults; what was delayed still comes late."""
        self.faults = CALM
        self._plan = [one for one in self._plan if one[2] not in (_MOVE, _CRASH, PROPOSE)]
        self._plan.sort()
        self._cut = [[False] * (self._count + 1) for _ in range(self._count + 1)]
        self._arrange(HEAL)

    def run_to_leader(self) -> None:
        """The network heals. Once the timers of before have gone off, all servers soon follow one
        leader, and it stays. Raises Broken.
        """
        self.heal()
        longest = self.cluster.config.election_max
        self.run(self.now + longest + CALM.slowness + 1)
        until = self.now + LEADER_WITHIN * longest
        while self.cluster.agreed() is None and self._is_planned_by(until):
            self.step()
        self._arrange(EXPECT)
        leader, term = self.cluster.agreed() or (0, 0)
        until = self.now + 2 * longest
        while self.cluster.agreed() == (leader, term) and self._is_planned_by(until):
            self.step()
        self._arrange(EXPECT, 0, leader, term)

    def run_to_agreement(self) -> None:
        """That leader is given two entries more. Soon all logs are equal, and all of them is
        applied. Raises Broken.
        """
        cluster, config = self.cluster, self.cluster.config
        leader, _ = cluster.agreed() or (0, 0)
        self.propose(leader)
        self.propose(leader)
        known = [state for state in cluster.states if state is not None]
        missing = max(state[6] for state in known) - min(state[7] for state in known)
        intervals = _TO_AGREE + _FOR_EACH * missing
        until = self.now + 2 * config.election_max + intervals * config.heartbeat
        while not self._is_settled() and self._is_planned_by(until):
            self.step()
        self.run(self.now + config.heartbeat)
        self._arrange(AGREE, 0, leader)

    def _is_settled(self) -> bool:
        """By what servers say of themselves, that is."""
        states = self.cluster.states[1:]
        first = states[0]
        return first is not None and all(
            state is not None and state[6] == state[7] == first[6] for state in states
        )
