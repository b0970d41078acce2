"""Systematic search of small clusters: all courses of events within bounds, the short ones first.

A state is what each server went through. Orders that no server can tell apart lead to one state, so
each order is gone through once, up to those (Mazurkiewicz, Trace theory, 1986).
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from grader.sim.choices import (
    CHOOSERS,
    Bounds,
    Chooser,
    Letter,
    Mail,
    State,
    Step,
    endings,
    nothing,
    put,
)
from grader.sim.cluster import DOOM, START, TICK, Cluster, Input
from grader.sim.invariants import Broken
from grader.sim.memory import Memory, Place, Remembered, RememberingHost
from grader.sim.run import Rules, Run, carry_out, elections, family, replay
from grader.sim.server import Config, Host, Life

_MOST_BEFORE = 100  # steps with which a search begins


@dataclass(frozen=True)
class Found:
    """What a search saw. ``complete``: there is nothing else within the bounds. ``runs`` counts the
    courses of events that came to their end, ``calls`` what servers were asked for.
    """

    states: int
    runs: int
    calls: int
    complete: bool
    run: Run | None = None  # one that breaks a rule


class _Search:
    def __init__(
        self, host: Host, config: Config, budget: int, rules: Rules, choosers: Sequence[Chooser]
    ) -> None:
        self._host, self._config, self._budget = host, config, budget
        self._rules, self._choosers = rules, choosers
        self._memory = Memory(host)
        self._seen: set[tuple[tuple[Place, ...], tuple[int, ...]]] = set()
        self._pasts: dict[tuple[int, ...], int] = {}  # what was before a crash: a number for each
        self._starts: dict[int, Place] = {}  # and where the server is that starts after it
        self._to_do: deque[State] = deque()
        self._runs = 0
        self._broken: Run | None = None

    def all(self, bounds: Bounds, beginning: Chooser) -> Found:
        with _no_collections():
            self._begin(bounds)
            self._go_on(beginning, bounds)
            while self._to_do and not self._is_over():
                if not self._follow(self._to_do.popleft()):
                    self._runs += 1
        complete = not self._to_do and self._broken is None
        return Found(len(self._seen), self._runs, self._memory.calls, complete, self._broken)

    def _is_over(self) -> bool:
        return self._broken is not None or len(self._seen) > self._budget

    def _begin(self, bounds: Bounds) -> None:
        """All servers start, and nothing has happened."""
        servers = range(1, self._config.servers + 1)
        host, rules = RememberingHost(self._memory), self._rules
        cluster = family(rules).cluster(host, self._config, rules(self._config))
        if self._apply(cluster, [(server, START, 0, server, server, 0) for server in servers]):
            places = tuple(self._start(cluster, server, 0, server) for server in servers)
            nothing = (0,) * len(places)
            self._is_new(places, nothing)
            self._to_do.append(State(cluster, places, nothing, nothing, Mail(), bounds))

    def _go_on(self, choose: Chooser, bounds: Bounds) -> None:
        """What comes before all else: the first of the steps that there are, until there is none,
        at no cost.
        """
        for _ in range(_MOST_BEFORE):
            if not self._to_do:
                return
            state = self._to_do[0]
            step = next(choose(state), None)
            if step is None:
                return
            self._to_do.clear()
            place = self._memory.go(state.places[step.server - 1], step.call)
            self._happens(state, step._replace(left=bounds), place)

    def _start(self, cluster: Cluster, server: int, now: int, seed: int) -> Place:
        disk = cluster.disks[server]
        life = Life(self._config, server, now, seed, disk.vote, list(disk.entries))
        return self._memory.start(life)

    def _is_new(self, places: tuple[Place, ...], pasts: tuple[int, ...]) -> bool:
        key = places, pasts
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _follow(self, state: State) -> bool:
        """Whatever may happen next. False: nothing may."""
        moved = False
        for choose in self._choosers:
            for step in choose(state):
                moved = True
                place = self._memory.go(state.places[step.server - 1], step.call)
                self._happens(state, step, place)
                if state.left.crashes and place.answer is not None and self._broken is None:
                    self._crashes(state, step, place)
                if self._is_over():
                    self._to_do.append(state)  # there is more
                    return True
        return moved

    def _happens(self, state: State, step: Step, place: Place) -> None:
        server, (kind, clock, *_) = step.server, step.call
        places = put(state.places, server, place)
        if not self._is_new(places, state.pasts):
            return
        cluster = self._branch(state, server)
        number = cluster.inputs[-1][0] + 1
        if self._apply(cluster, [(number, kind, clock, server, step.first, step.second)]):
            clocks = put(state.clocks, server, clock)
            mail = _posted(step.mail, cluster, number)
            self._to_do.append(State(cluster, places, state.pasts, clocks, mail, step.left))

    def _crashes(self, state: State, step: Step, place: Place) -> None:
        """The same, but the server crashes on the way, and starts anew at once: as long as it does
        not run, no other can tell it from one that is slow.
        """
        assert place.answer is not None
        unsynced = len(state.cluster.disks[step.server].unsynced)
        for after, kept, *rest in endings(place.answer[0], unsynced):
            before = state.pasts[step.server - 1], place.number, *rest
            past = self._pasts.setdefault(before, len(self._pasts) + 1)
            self._starts_anew(state, step, (after, kept), past)
            if self._broken is not None:
                return

    def _starts_anew(self, state: State, step: Step, doom: tuple[int, int], past: int) -> None:
        server, (kind, clock, *_), place = step.server, step.call, self._starts.get(past)
        pasts = put(state.pasts, server, past)
        if place is not None and not self._is_new(put(state.places, server, place), pasts):
            return
        left = step.left._replace(crashes=step.left.crashes - 1)
        seed = server + self._config.servers * past
        cluster = self._branch(state, server)
        number = cluster.inputs[-1][0] + 1
        inputs: list[Input] = [
            (number, DOOM, clock, server, *doom),
            (number + 1, kind, clock, server, step.first, step.second),
            (number + 2, START, clock, server, seed, 0),
        ]
        if not self._apply(cluster, inputs):
            return
        if place is None:
            place = self._starts[past] = self._start(cluster, server, clock, seed)
            self._is_new(put(state.places, server, place), pasts)
        places, clocks = put(state.places, server, place), put(state.clocks, server, clock)
        mail = _posted(step.mail, cluster, number + 1)
        self._to_do.append(State(cluster, places, pasts, clocks, mail, left))

    def _branch(self, state: State, server: int) -> Cluster:
        place = state.places[server - 1]
        return state.cluster.branch(server, Remembered(self._memory, place))

    def _apply(self, cluster: Cluster, inputs: list[Input]) -> bool:
        """False if a rule breaks. That ends the search, unless real servers do not break it again:
        then chance had a part in it.
        """
        try:
            for one in inputs:
                cluster.apply(one)
        except Broken:
            self._broken = self._broken_by(cluster.inputs)
            return False
        return True

    def _broken_by(self, inputs: list[Input]) -> Run | None:
        """A run of real servers, by one clock where that is enough."""

        def plan(cluster: Cluster) -> None:
            now = 0
            for number, kind, _, server, first, second in inputs:
                known = cluster.states[server]
                now = max(now, known[0]) if kind == TICK and known is not None else now
                cluster.apply((number, kind, now, server, first, second))

        run = carry_out(self._host, self._config, self._rules, plan)
        if run.broken is None:
            run = replay(self._host, self._config, inputs, rules=self._rules)
        return run if run.broken is not None else None


@contextmanager
def _no_collections() -> Iterator[None]:
    """States are many, and none is garbage: to look for it would take half of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _posted(mail: Mail, cluster: Cluster, event: int) -> Mail:
    """With what that event sent."""
    sent = cluster.sent.get(event)
    if not sent:
        return mail
    new = tuple(Letter(event, which, one) for which, one in enumerate(sent))
    return mail._replace(under_way=mail.under_way + new)


def search(
    host: Host,
    config: Config,
    budget: int,
    bounds: Bounds = Bounds(),
    *,
    rules: Rules = elections,
    choosers: Sequence[Chooser] = CHOOSERS,
    beginning: Chooser = nothing,
) -> Found:
    """Goes through ``budget`` states, and a few more, or through all. ``rules`` are checked after
    each event; ``choosers`` say what may happen next. ``beginning`` says what happened before that:
    the first of its steps, again and again.
    """
    return _Search(host, config, budget, rules, choosers).all(bounds, beginning)
