"""A shorter run that breaks the same rule (Zeller and Hildebrandt, Simplifying and Isolating
Failure-Inducing Input, 2002).

Every part of a run is a run: without an event, the messages that it sent are not delivered.
"""

from __future__ import annotations

from grader.sim.cluster import DEPOSED, HEAL, NO_LEADER, Ended, Input
from grader.sim.run import Rules, Run, elections, replay
from grader.sim.server import Host


class _Shrinker:
    """Keeps the shortest run so far. Where a leader is missing, only what came before the network
    healed can be dropped: what comes after it has to be fair, so it is made anew each time.
    """

    def __init__(self, host: Host, run: Run, tries: int, rules: Rules) -> None:
        assert run.broken is not None
        self._host, self.run, self._tries, self._rules = host, run, tries, rules
        self._rule = run.broken.rule
        self._to_leader = self._rule in (NO_LEADER, DEPOSED)
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
            self._host, self.run.config, inputs, to_leader=self._to_leader, rules=self._rules
        )
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


def shrink(host: Host, run: Run, tries: int = 400, rules: Rules = elections) -> Run:
    """Drops what is not needed: all that happens to one server, then pieces, smaller and smaller,
    down to single events. Replays at most ``tries`` times. A run that hangs stays as it is: each
    replay would cost the whole patience of its host.
    """
    best = _Shrinker(host, run, tries, rules)
    if isinstance(run.broken, Ended) and run.broken.hangs:
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
