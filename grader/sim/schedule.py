"""Who draws what happens to a cluster: clocks, a network that loses, delays, repeats and reorders,
links that work one way, partitions, crashes and restarts. All of it depends on the seed, the stage
and the run's number alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

from grader.run.random import Random
from grader.sim.cluster import DOOM, EXPECT, HEAL, RECEIVE, START, TICK, Cluster, Input, Sent

_MOVE, _CRASH = "move", "crash"  # of the plan, beside the inputs
_NEVER = 1 << 62
LEADER_WITHIN = 20  # maximum election timeouts after the network heals
_SCALE = 1 << 16


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

    @staticmethod
    def draw(random: Random) -> Faults:
        """Each kind of trouble is there in some runs, and missing in others. In a third of them
        the network is slower than elections, so that old messages meet new terms.
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
        )


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
        last = cluster.inputs[-1] if cluster.inputs else (0, "", 0)
        self._number, self.now = last[0], last[2]
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
        for what, pause in ((_MOVE, self.faults.moves), (_CRASH, self.faults.crashes)):
            if pause:
                self._add(self.now + self.random.between(1, pause), what, 0)

    def run(self, until: int) -> None:
        """All that is planned up to that time. Raises Broken."""
        while self._is_planned_by(until):
            self.step()
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
        else:
            self._doom()

    def _apply(self, kind: str, server: int, first: int = 0, second: int = 0) -> None:
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

    def _input(self, kind: str, server: int, first: int, second: int) -> Input:
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
        if self.cluster.runs(server):
            self._arrange(DOOM, server, self.random.below(6), self.random.below(3))
        self._add(self.now + self.random.between(1, self.faults.crashes), _CRASH, 0)

    def heal(self) -> None:
        """From now on there are no more faults; what was delayed still comes late."""
        self.faults = CALM
        self._plan = [one for one in self._plan if one[2] not in (_MOVE, _CRASH)]
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
