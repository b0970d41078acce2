"""A cluster that runs Paxos, and who draws what happens to it.

Servers answer as those of Raft do, in the same form, ``labs/host/paxos_sim.c``: where a term and a
vote are in theirs, there is a ballot. A Config's election timeouts are the shortest and the longest
pause of a proposer here, and it has no heartbeats.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from heapq import heappop
from typing import Any

from grader.sim.cluster import (
    EXPECT,
    PROPOSE,
    Cluster,
    Disk,
    Input,
)
from grader.sim.invariants import UNDECIDED, Broken
from grader.sim.paxos.checks import Paxos
from grader.sim.paxos.messages import Ballot
from grader.sim.schedule import CALM, Schedule
from grader.sim.server import SAVE_ENTRY, SAVE_VOTE, Answer, Config, Effect

DECIDED_WITHIN = 60  # longest pauses after the network healed: duels take some of them
_SERVER = struct.Struct("<i")


def config(servers: int, shortest: int = 50, longest: int = 250) -> Config:
    """Of so many servers, with pauses from ``shortest`` to ``longest`` ms."""
    return Config(servers, shortest, longest, 0)


class PaxosDisk(Disk):
    """``vote`` is the ballot that was promised last, ``entries`` at most one: the round of what was
    accepted last, and its server and value.
    """

    @property
    def accepted(self) -> tuple[Ballot, bytes] | None:
        if not self.entries:
            return None
        round_, data = self.entries[0]
        return Ballot(round_, _SERVER.unpack_from(data)[0]), data[_SERVER.size :]

    def sync(self) -> None:
        for kind, round_, server, *value in self.unsynced:
            if kind == SAVE_VOTE:
                self.vote = (round_, server)
            else:
                self.entries = [(round_, _SERVER.pack(server) + value[0])]
        self.unsynced = []

    @staticmethod
    def saves(saved: Sequence[Any]) -> list[Effect]:
        promised, accepted, value = saved[:2], saved[2:4], bytes(saved[4:])
        found: list[Effect] = [(SAVE_VOTE, *promised)]
        if accepted and any(accepted):
            found.append((SAVE_ENTRY, *accepted, value))
        return found

    def saved(self) -> tuple[Any, ...]:
        known = self.accepted
        return (*self.vote, *known[0], *known[1]) if known else self.vote


class PaxosCluster(Cluster):
    """Its answers' states are: deadline, what the call returned, phase, promised (round, server),
    accepted (round, server), is_decided.
    """

    disk = PaxosDisk

    def _call(self, one: Input, message: tuple[int, int, bytes] | None) -> Answer:
        if one[1] == PROPOSE:
            for check in self._checks:
                if isinstance(check, Paxos):
                    check.offered(one[4])
        return super()._call(one, message)

    def undecided(self) -> list[int]:
        """The servers that do not run, or have not decided."""
        return [
            server
            for server, state in enumerate(self.states[1:], 1)
            if state is None or not state[7]
        ]

    def agreed(self) -> tuple[int, int] | None:
        return None if self.undecided() else (0, 0)

    def _expect(self, leader: int, term: int) -> None:
        waiting = self.undecided()
        if waiting:
            who = " and ".join(f"server {server}" for server in waiting)
            raise Broken(
                UNDECIDED,
                waiting[0] if len(waiting) == 1 else 0,
                f"the network has healed long ago, each server had something to propose, and {who} "
                f"{'has' if len(waiting) == 1 else 'have'} not decided",
            )


class PaxosSchedule(Schedule):
    """Servers propose values of their own, some at the same time, some again after a restart."""

    def _plan_faults(self) -> None:
        super()._plan_faults()
        if self.faults is CALM:
            return
        times = self.random.between(1, 2 * self._count)
        for _ in range(times):
            server = self.random.between(1, self._count)
            self._add(self.now + self.random.between(20, 600), PROPOSE, server)

    def step(self) -> None:
        if self._plan[0][2] != PROPOSE:
            super().step()
            return
        self.now, order, _, server, *_ = heappop(self._plan)
        if self.cluster.runs(server):
            self._apply(PROPOSE, server, b"value %d of S%d" % (order, server))

    def run_to_leader(self) -> None:
        """The network heals, and all servers run again. Then each that knows of no decision has
        something to propose, and soon all know of one. Raises Broken.
        """
        self.heal()
        longest = self.cluster.config.election_max
        self.run(self.now + 2 * longest + CALM.slowness + 1)
        for server, state in enumerate(self.cluster.states[1:], 1):
            if state is not None and not state[7]:
                self._apply(PROPOSE, server, b"late value of S%d" % server)
        until = self.now + DECIDED_WITHIN * longest
        while self.cluster.agreed() is None and self._is_planned_by(until):
            self.step()
        self._arrange(EXPECT)
