"""Why a history has no order: the few operations that are enough for it, what they look like side
by side, and the kind of fault in words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from grader.histories.checker import BUDGET, Fault, Undecided, no_order_at, no_order_within, relaxed
from grader.histories.operation import DEL, GET, SET, Operation, Outcome, shown
from grader.verdicts import Diagnosis

_MOST_SHOWN = 24
_MOST_STATES, _STATES_A_TRY = 1_000_000, 20_000  # for the smallest history: some seconds


@dataclass(frozen=True)
class Explanation:
    """``core`` has no order, and gets one when anything is left out of it."""

    core: list[Operation]
    at: Operation
    diagnosis: Diagnosis
    drawing: str


def explain(fault: Fault) -> Explanation:
    """The smallest beginning of the history that has no order, and what matters of that."""
    end = fault.at.returned
    assert end is not None
    beginning = [_as_seen_at(one, end) for one in fault.history if one.called < end]
    told = _least(beginning, fault.at)
    core = _with_writers(told, fault.history, end)
    diagnosis = _count_alone(told, beginning) or _diagnosis(core, fault.at, fault.history)
    return Explanation(core, fault.at, diagnosis, draw(core, fault.at))


def _as_seen_at(one: Operation, end: int) -> Operation:
    """What is not back by then may have any outcome."""
    if one.outcome is Outcome.DONE and one.returned is not None and one.returned > end:
        return relaxed(one) or one
    return one


def _least(operations: list[Operation], at: Operation) -> list[Operation]:
    """Without an order, and with nothing told that it takes no part in, as far as that is found
    with ``_MOST_STATES``: of as many as possible at once the outcome is forgotten.
    """
    kept, purse = list(operations), _Purse(_MOST_STATES)
    size = max(1, len(kept) // 2)
    while True:
        start = 0
        while start < len(kept):
            part = kept[start : start + size]
            others = [one for one in map(relaxed, part) if one is not None]
            fewer = kept[:start] + others + kept[start + size :]
            if fewer != kept and at not in part and purse.shows_wrong(_useful(fewer)):
                kept, start = fewer, start + len(others)
            else:
                start += size
        if size == 1:
            return [one for one in kept if one.outcome is Outcome.DONE]
        size //= 2


def _has_order(operations: list[Operation]) -> bool:
    try:
        return no_order_at(operations, BUDGET) is None
    except Undecided:
        return False


def _useful(operations: list[Operation]) -> list[Operation]:
    """Without writes that may not have been done, and whose values nobody has read: no order needs
    them, unless a DEL tells whether there was anything.
    """
    told = [one for one in operations if one.outcome is Outcome.DONE]
    if any(one.kind == DEL for one in told):
        return operations
    read = {one.value for one in told if one.kind == GET}
    return [
        one for one in operations
        if one.outcome is Outcome.DONE or one.kind != SET or one.value in read
    ]  # fmt: skip


class _Purse:
    """States that searches may look at, all together; each operation costs one more. A history of
    which little is told is searched for long.
    """

    def __init__(self, states: int) -> None:
        self._left = states

    def shows_wrong(self, operations: list[Operation]) -> bool:
        """False, too, where that can't be paid for."""
        self._left -= len(operations)
        budget = min(self._left, _STATES_A_TRY)
        if budget <= 0:
            return False
        try:
            found, left = no_order_within(operations, budget)
        except Undecided:
            found, left = None, 0
        self._left -= budget - left
        return found is not None


def _with_writers(core: list[Operation], history: list[Operation], end: int) -> list[Operation]:
    """And who wrote what was read, whatever the outcome."""
    read = {one.value for one in core if one.kind == GET}
    wrote = [one for one in history if one.kind == SET and one.value in read and one.called < end]
    found = {id(one): one for one in core}
    missing = [one for one in wrote if one not in core]
    found |= {id(one): one for one in missing}
    return sorted(found.values(), key=lambda one: one.called)


# --- the kind of fault ---


def _count_alone(told: list[Operation], beginning: list[Operation]) -> Diagnosis | None:
    """Where one DEL with the other count gives all an order: that one is at fault, and no read."""
    for one in (one for one in told if one.kind == DEL):
        other = replace(one, removed=1 - one.removed)
        if _has_order([other if each is one else each for each in beginning]):
            return Diagnosis(
                "wrong-count",
                f"{one.client}'s DEL says {one.removed}: that does not fit what was written before "
                "and read after",
            )
    return None


def _diagnosis(core: list[Operation], at: Operation, history: list[Operation]) -> Diagnosis:
    reads = [one for one in core if one.kind == GET]
    for read in reads:
        if read.value is not None and not _may_be_written(read, history):
            return _never_written(read, history)
    if at.kind == GET and at.value is None and not any(one.kind == DEL for one in history):
        return Diagnosis("lost-write", "a write that was acknowledged is gone: the key is absent")
    if _is_older(at, history):
        what = "the key is absent again" if at.value is None else "a value is back"
        return Diagnosis(
            "old-value",
            f"{what}, and a later write had changed that: a read that is stale, a write that was "
            "lost, or one that was done twice",
        )
    return Diagnosis("no-order", "no single copy of the store could have answered like this")


def _may_be_written(read: Operation, history: list[Operation]) -> bool:
    return any(
        one.kind == SET
        and one.value == read.value
        and one.outcome is not Outcome.REFUSED
        and one.called < (read.returned or 0)
        for one in history
    )


def _never_written(read: Operation, history: list[Operation]) -> Diagnosis:
    value = shown(read.value)
    for one in history:
        if one.kind == SET and one.value == read.value and one.outcome is Outcome.REFUSED:
            return Diagnosis(
                "refused-but-done",
                f"{one.client} was told that its SET of {value} was not done, and it was: of what "
                "may still be done nobody may say so",
            )
    return Diagnosis("value-from-nowhere", f"nobody had written {value} by then")


def _is_older(read: Operation, history: list[Operation]) -> bool:
    """Another value was written or read, or a key removed, wholly after that of the value that was
    read. Of one that is absent: wholly after the first DEL.
    """
    kind = DEL if read.value is None else SET
    writes = [one for one in history if one.kind == kind and one.value == read.value]
    return read.kind == GET and any(
        (one.kind != DEL or one.removed == 1)
        and one.value != read.value
        and one.called < (read.returned or 0)
        and any(write.returned is not None and write.returned < one.called for write in writes)
        for one in history
    )


# --- the drawing ---


def draw(operations: list[Operation], at: Operation) -> str:
    """A line for each, with its time from call to return: what stands side by side was under way at
    once. A place to the right is later, and no measure.
    """
    shown_ones = operations[-_MOST_SHOWN:]
    places = sorted(
        {one.called for one in shown_ones}
        | {one.returned for one in shown_ones if one.returned is not None}
    )
    column = {place: 2 * number for number, place in enumerate(places)}
    width = 2 * len(places)
    names = [_name(one) for one in shown_ones]
    margin = max(map(len, names))
    lines = [
        f"{name:<{margin}}  {_bar(one, column, width)}".rstrip()
        + ("   <- has no place" if one == at else "")
        for name, one in zip(names, shown_ones, strict=True)
    ]
    left_out = len(operations) - len(shown_ones)
    return "\n".join([*([f"(and {left_out} before these)"] if left_out else []), *lines])


def _name(one: Operation) -> str:
    at = f" at node {one.node}" if one.node else ""
    return f"{one.client}{at}  {one.words()}"


def _bar(one: Operation, column: dict[int, int], width: int) -> str:
    start = column[one.called]
    if one.returned is None:
        return " " * start + "|" + "-" * (width - start - 1) + ">"
    end = column[one.returned]
    return " " * start + "|" + "-" * (end - start - 1) + "|" + " " * (width - end)
