"""Real nodes of kvraft, joined by wires of the grader's, and clients that ask them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from grader.histories.checker import Undecided, check
from grader.histories.clients import Asker, Crowd, Habits, Recorder
from grader.histories.explain import explain
from grader.histories.operation import Operation
from grader.labs.lab5.trio import Trio
from grader.labs.lab6.played_nodes import PROGRAM
from grader.labs.lab6.witness import LogWitness
from grader.labs.stage import Attempt
from grader.run.random import Random
from grader.verdicts import StageFailure

QUICK = ("--election-timeout", "150-300", "--heartbeat", "30")


class Store(Trio):
    """A cluster of ``count``, whose links can be cut. It starts at construction."""

    PROGRAM = PROGRAM

    def __init__(
        self,
        attempt: Attempt,
        *options: str,
        count: int = 3,
        witness: LogWitness | None = None,
    ) -> None:
        self.log = witness or LogWitness(count)
        super().__init__(attempt, *options, count=count, witness=self.log)

    def ways(self, some: Iterable[int]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """From these nodes to all others, and from the others to them."""
        inside = set(some)
        out = [(one, other) for one in inside for other in self.ids if other not in inside]
        return out, [(other, one) for one, other in out]

    def cut_off(self, some: Iterable[int]) -> None:
        """These nodes from all others, both ways."""
        out, back = self.ways(some)
        self.wires.cut(out + back)

    def heal(self, *, loses: bool = False) -> None:
        """All ways are open."""
        self.wires.heal(list(self.wires.cuts), loses=loses)

    def crowd(self, random: Random, roaming: int = 3, habits: Habits = Habits()) -> Crowd:
        """Some clients that follow redirects, and for each node one that always asks this one."""
        recorder = Recorder()
        addresses = {id: (home.own.host, home.own.port) for id, home in self._homes.items()}
        faithful = replace(habits, most_at_once=1, faithful=True)

        def asker(name: str, node: int, habits: Habits) -> Asker:
            numbers = Random(random.next(), name)
            return Asker(name, self.world, recorder, addresses, numbers, node, habits)

        askers = [asker(f"c{n + 1}", 1 + n % len(self.ids), habits) for n in range(roaming)]
        askers += [asker(f"of-{id}", id, faithful) for id in self.ids]
        crowd = Crowd(self.world, askers, recorder)
        self.attempt.clients.append(crowd)
        return crowd


def judge(history: list[Operation], whose: str = "the clients") -> bool:
    """Raises StageFailure where the history has no order. False where that can't be decided within
    the budget: then nothing is wrong.
    """
    try:
        fault = check(history)
    except Undecided:
        return False
    if fault is None:
        return True
    told = explain(fault)
    raise StageFailure(
        f"{len(history)} operations of {whose} have no order in which a single copy could "
        f"have done them: {told.at.client}'s '{told.at.words()}' has no place",
        diagnosis=told.diagnosis,
        output=told.drawing,
    )
