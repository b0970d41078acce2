"""Whether a history is linearizable: is there an order of its operations, each at one moment
between its call and its return, that a store with a single copy could have carried out?

The search is Wing and Gong's with Lowe's improvements (Testing for linearizability, 2017): a key at
a time (Herlihy and Wing: a history is linearizable if it is so object by object); an operation is
put in order no earlier than some return needs it; what was reached already is remembered as the set
of operations that are in order and the state that they led to.

Three choices never have to be tried. An operation that changes nothing comes as soon as it is
right, since it stands in nobody's way. One of unknown outcome comes right before one that sees it,
or never. And of two such ones that do the same, it does not matter which comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from grader.histories.operation import DEL, GET, SET, Operation, Outcome, Value

BUDGET = 200_000  # states of one key
_Reached: TypeAlias = "tuple[int, Value | None]"  # bits of what waits and is in order; the state


class Undecided(Exception):
    """The budget was used up."""


@dataclass(frozen=True)
class Fault:
    """There is no order. ``at`` is the operation whose return shows it: up to the event before it
    there is one.
    """

    at: Operation
    history: list[Operation]  # of this key, in order of their calls


def check(history: Iterable[Operation], budget: int = BUDGET) -> Fault | None:
    """The fault that can be seen first. Raises Undecided where none was found within the budget,
    and there may be one.
    """
    faults, gave_up = [], False
    for operations in by_key(history).values():
        try:
            at = no_order_at(operations, budget)
        except Undecided:
            gave_up = True
        else:
            if at is not None:
                faults.append(Fault(at, operations))
    if not faults and gave_up:
        raise Undecided
    return min(faults, key=lambda fault: fault.at.returned or 0, default=None)


def by_key(history: Iterable[Operation]) -> dict[bytes, list[Operation]]:
    """The histories of the keys, each in order of calls."""
    keys: dict[bytes, list[Operation]] = {}
    for one in sorted(history, key=lambda one: one.called):
        keys.setdefault(one.key, []).append(one)
    return keys


def no_order_at(operations: list[Operation], budget: int = BUDGET) -> Operation | None:
    """The operation on this key at whose return no order is left. Raises Undecided."""
    return no_order_within(operations, budget)[0]


def no_order_within(operations: list[Operation], budget: int) -> tuple[Operation | None, int]:
    """The same, and what is left of the budget."""
    search = _Search(budget)
    for _, is_return, one in _events(operations):
        if not is_return:
            search.call(one)
        elif not search.settle(one):
            return one, search.left
    return None, search.left


def relaxed(one: Operation) -> Operation | None:
    """The same with nothing told of its outcome: a history without an order that gets one by this
    needs what was told.
    """
    if one.kind == GET:
        return None
    return replace(one, returned=None, outcome=Outcome.UNKNOWN)


def _events(operations: list[Operation]) -> list[tuple[int, bool, Operation]]:
    """Calls and returns of what may have been done. Of those at the same place, calls come
    first.
    """
    events = []
    for one in operations:
        if one.outcome is Outcome.DONE:
            assert one.returned is not None
            events += [(one.called, False, one), (one.returned, True, one)]
        elif one.outcome is Outcome.UNKNOWN and one.kind != GET:
            events.append((one.called, False, one))
    return sorted(events, key=lambda event: event[:2])


def _after(one: Operation, state: Value | None) -> tuple[bool, Value | None]:
    """Whether its outcome is right in this state, and the state that it leads to."""
    if one.kind == SET:
        return True, one.value
    if one.kind == GET:
        return state == one.value, state
    return one.removed == (state is not None), None


class _Search:
    """What can have been done so far. A bit stands for an operation that waits for its return, or
    for one of unknown outcome.
    """

    def __init__(self, budget: int) -> None:
        self.left = budget
        self._reached: set[_Reached] = {(0, None)}
        self._bits: dict[int, int] = {}  # by id() of the operation
        self._free: list[int] = []
        self._waiting: list[Operation] = []
        self._quiet: list[Operation] = []  # of those, the ones that may change nothing
        self._unknown: list[Operation] = []

    def call(self, one: Operation) -> None:
        place = self._free.pop() if self._free else len(self._bits)
        self._bits[id(one)] = 1 << place
        if one.outcome is Outcome.UNKNOWN:
            self._unknown.append(one)
            return
        self._waiting.append(one)
        if one.kind != SET:
            self._quiet.append(one)
            self._reached = set(map(self._absorb, self._reached))

    def settle(self, one: Operation) -> bool:
        """It returns: only what has it in order goes on. False where nothing does."""
        bit = self._bits[id(one)]
        done: set[_Reached] = set()
        seen, stack = set(self._reached), list(self._reached)
        while stack:
            here = stack.pop()
            if here[0] & bit:
                done.add((here[0] & ~bit, here[1]))
                continue
            for there in self._steps(here):
                if there not in seen:
                    seen.add(there)
                    stack.append(there)
            if len(seen) > self.left:
                raise Undecided
        self.left -= len(seen) - len(self._reached)
        self._forget(one, bit)
        self._reached = done
        return bool(done)

    def _forget(self, one: Operation, bit: int) -> None:
        self._waiting = [other for other in self._waiting if other is not one]
        self._quiet = [other for other in self._quiet if other is not one]
        del self._bits[id(one)]
        self._free.append(bit.bit_length() - 1)

    def _steps(self, here: _Reached) -> Iterator[_Reached]:
        """One more operation in order, with one of unknown outcome before it where that helps."""
        mask, state = here
        for one in self._waiting:
            bit = self._bits[id(one)]
            if mask & bit:
                continue
            is_right, after = _after(one, state)
            if is_right:
                yield self._absorb((mask | bit, after))
                continue
            for unknown, between in self._helpers(mask, state):
                is_right, after = _after(one, between)
                if is_right:
                    yield self._absorb((mask | bit | unknown, after))

    def _helpers(self, mask: int, state: Value | None) -> Iterator[tuple[int, Value | None]]:
        """Operations of unknown outcome that may come now, one for each state that they lead to."""
        known = {state}
        for one in self._unknown:
            bit = self._bits[id(one)]
            after = one.value if one.kind == SET else None
            if not mask & bit and after not in known:
                known.add(after)
                yield bit, after

    def _absorb(self, reached: _Reached) -> _Reached:
        """With all in order that is right now and changes nothing."""
        mask, state = reached
        for one in self._quiet:
            if not (one.kind == DEL and one.removed) and _after(one, state)[0]:
                mask |= self._bits[id(one)]
        return mask, state
