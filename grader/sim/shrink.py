"""A shorter run that breaks the same rule (Zeller and Hildebrandt, Simplifying and Isolating
Failure-Inducing Input, 2002).

Every part of a run is a run: without an event, the messages that it sent are not delivered.
"""

from __future__ import annotations

import dataclasses
import time

from grader.sim.cluster import HEAL, TICK, Ended, Input
from grader.sim.invariants import DEPOSED, FLOOD, NO_LEADER, NOT_COMMITTED, UNDECIDED, UNEQUAL
from grader.sim.run import Run, replay
from grader.sim.server import Host

_AT_THE_END = (NO_LEADER, DEPOSED, UNEQUAL, NOT_COMMITTED, UNDECIDED)
_MOST_SECONDS = 20  # servers may be slow: the run is as short as it is by then


class _Shrinker:
    """Keeps the shortest run so far. Where a leader is missing, only what came before the network
    healed can be dropped: what comes after it has to be fair, so it is made anew each time.
    """

    def __init__(self, host: Host, run: Run, tries: int) -> None:
        assert run.broken is not None
        self._host, self.run, self._tries = host, run, tries
        self._until = time.monotonic() + _MOST_SECONDS
        self._rule = run.broken.rule
        self._to_leader = self._rule in _AT_THE_END
        self.inputs = self._droppable(run)

    def _droppable(self, run: Run) -> list[Input]:
        if not self._to_leader:
            return run.inputs
        kinds = [one[1] for one in run.inputs]
        return run.inputs[: kinds.index(HEAL)]

    def breaks(self, inputs: list[Input]) -> bool:
        """Whether these break the same rule; then they are the shortest run."""
        if self._tries == 0:
            return False
        self._tries -= 1
        again = replay(
            self._host, self.run.config, inputs, to_leader=self._to_leader, rules=self.run.rules
        )
        if time.monotonic() > self._until or _hangs(again):
            self._tries = 0
        if again.broken is None or again.broken.rule != self._rule:
            return False
        self.run, self.inputs = again, self._droppable(again)
        return True

    def drop_server(self, server: int) -> None:
        """All that happens to it."""
        inputs = [one for one in self.inputs if one[3] != server]
        if len(inputs) < len(self.inputs):
            self.breaks(inputs)

    def drop_pieces(self, size: int) -> bool:
        """Each piece of that size, from the end. Returns whether one was not needed."""
        dropped = False
        end = len(self.inputs)
        while end > 0:
            start = max(0, end - size)
            dropped |= self.breaks(self.inputs[:start] + self.inputs[end:])
            end = min(start, len(self.inputs))
        return dropped


def _hangs(run: Run) -> bool:
    return isinstance(run.broken, Ended) and run.broken.hangs


def without_idle_ticks(host: Host, run: Run) -> Run:
    """Of a run that breaks what a stage expects: no event may go that the expectation could be
    about, so only ticks go that did nothing, and only if the rest is as it was.
    """
    kept = [one for at, one in enumerate(run.inputs) if not _is_idle(run, at)]
    if _hangs(run) or len(kept) == len(run.inputs):
        return run
    again = replay(host, run.config, kept, rules=run.rules)
    if again.broken is not None or again.answers[-1:] != run.answers[-1:]:
        return run
    return dataclasses.replace(again, broken=run.broken)


def _is_idle(run: Run, at: int) -> bool:
    if run.inputs[at][1] != TICK or not 0 < at < len(run.inputs) - 1:
        return False
    (effects, state), before = run.answers[at], run.answers[at - 1][1]
    return not effects and state[2:] == before[2:]


def shrink(host: Host, run: Run, tries: int = 400) -> Run:
    """Drops what is not needed: all that happens to one server, then pieces, smaller and smaller,
    down to single events. Replays at most ``tries`` times. A run that hangs stays as it is: each
    replay would cost the whole patience of its host. So does a flood, which is long anyway.
    """
    best = _Shrinker(host, run, tries)
    if _hangs(run) or (run.broken and run.broken.rule == FLOOD):
        return run
    if not best.breaks(best.inputs):
        return run  # chance had a part in it
    for server in range(1, run.config.servers + 1):
        best.drop_server(server)
    size = len(best.inputs) // 2
    while size > 0:
        if not best.drop_pieces(size) or size > 1:
            size //= 2
    return best.run
