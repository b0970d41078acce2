"""What can be wrong with a cluster: it comes, it goes, and several can be there at once."""

from __future__ import annotations

from collections.abc import Callable

from grader.labs.lab5.node import Node
from grader.labs.lab6.store import Store
from grader.run.random import Random

_ALL_ONCE_IN = 6  # faults, one that may leave no majority


class Faults:
    """Draws them by ``random``; ``count`` is how many there were."""

    def __init__(self, store: Store, random: Random) -> None:
        self.store, self.random = store, random
        self.count = self.restarts = 0
        self._gone: list[int] = []
        self._stopped: dict[int, Node] = {}

    def step(self) -> None:
        """One more, or one less."""
        wrong = len(self._gone) + len(self._stopped) + bool(self.store.wires.cuts)
        if wrong and self.random.below(5) < min(wrong + 1, 4):
            self._end_one()
        else:
            self._begin_one()

    def end_all(self) -> None:
        """All run, and all are connected."""
        self._heal()
        while self._stopped or self._gone:
            self._end_one()

    def _end_one(self) -> None:
        ways: list[Callable[[], None]] = []
        ways += [self._heal] if self.store.wires.cuts else []
        ways += [self._start] if self._gone else []
        ways += [self._go_on] if self._stopped else []
        self._one_of(ways)()

    def _begin_one(self) -> None:
        self.count += 1
        self._one_of([self._kill, self._kill, self._stop, self._cut_off, self._cut_one_way])()

    def _one_of(self, ways: list[Callable[[], None]]) -> Callable[[], None]:
        return ways[self.random.below(len(ways))]

    def _draw(self) -> list[int]:
        """Some nodes that run: a minority with those that do not, or now and then any of them. The
        leader is one of them as often as not.
        """
        free = sorted(self.store.nodes)
        most = (len(self.store.ids) - 1) // 2 - len(self._gone) - len(self._stopped)
        if self.random.below(_ALL_ONCE_IN) == 0:
            most = len(free)
        most = min(most, len(free))
        if most <= 0:
            return []
        found = self.store.witness.leader()
        first = [found[1]] if found and found[1] in free and self.random.below(2) else []
        while len(first) < self.random.between(1, most):
            one = free[self.random.below(len(free))]
            first += [one] if one not in first else []
        return first

    def _say(self, words: str) -> None:
        self.store.world.log("the soak", words)

    def _kill(self) -> None:
        for id in self._draw():
            self._say(f"kills node {id}")
            self.store.kill(id)
            self._gone.append(id)

    def _start(self) -> None:
        id = self._gone.pop(self.random.below(len(self._gone)))
        self._say(f"starts node {id}")
        self.store.start(id)
        self.restarts += 1

    def _stop(self) -> None:
        for id in self._draw():
            self._say(f"stops node {id}")
            self._stopped[id] = self.store.stop(id)

    def _go_on(self) -> None:
        id = sorted(self._stopped)[self.random.below(len(self._stopped))]
        self._say(f"lets node {id} go on")
        self.store.go_on(id, self._stopped.pop(id))

    def _cut_off(self) -> None:
        """Some nodes from all others, or one link."""
        some = self._draw()
        out, back = self.store.ways(some)
        if out and self.random.below(3) == 0:
            out = [out[self.random.below(len(out))]]
            back = [(out[0][1], out[0][0])]
        self._say(f"cuts off {some}")
        self.store.wires.cut(out + back)

    def _cut_one_way(self) -> None:
        some = self._draw()
        ways = self.store.ways(some)[self.random.below(2)]
        self._say(f"cuts one way: {', '.join(f'{one} to {to}' for one, to in ways)}")
        self.store.wires.cut(ways)

    def _heal(self) -> None:
        self._say("heals all links")
        self.store.heal(loses=self.random.below(2) == 0)
