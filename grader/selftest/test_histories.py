"""The judge of histories: against a judge that tries all orders, and on faults that are known."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.histories.checker import Undecided, check, no_order_within
from grader.histories.explain import explain
from grader.histories.operation import DEL, GET, SET, Operation, Outcome, Value

DONE, UNKNOWN, REFUSED = Outcome
A, B, C = (b"a",), (b"b",), (b"c",)


def history(*lines: str) -> list[Operation]:
    """From one line an operation: its name, and its time as a row of characters."""
    made = []
    for number, line in enumerate(lines):
        text, _, bar = line.partition("  ")
        kind, _, told = text.partition(" ")
        start, end = len(bar) - len(bar.lstrip()), len(bar.rstrip()) - 1
        outcome = {"?": UNKNOWN, "!": REFUSED}.get(bar.rstrip()[-1], DONE)
        value = (told.encode(),) if kind != DEL and told != "nil" else None
        removed = int(told) if kind == DEL else 0
        back = None if outcome is UNKNOWN else end
        made.append(Operation(f"c{number}", kind, b"k", value, start, back, outcome, removed))
    return made


GOOD = {
    "nothing": [],
    "one after the other": [
        "SET a  |-|",
        "GET a     |-|",
        "DEL 1        |-|",
        "GET nil         |-|",
    ],
    "a read beside a write sees either": ["SET a  |------|", "GET nil   |-|", "GET a        |---|"],
    "two writes at once, in either order": ["SET a  |---|", "SET b   |---|", "GET a        |-|"],
    "of unknown outcome, done late": ["SET a  |?", "GET nil     |-|", "GET a          |-|"],
    "of unknown outcome, never done": ["SET a  |?", "SET b     |-|", "GET b         |-|"],
    "refused, and not done": ["SET a  |-!", "GET nil    |-|"],
    "the count tells that it was done": ["SET a  |?", "DEL 1       |-|", "GET nil        |-|"],
    "a deletion of unknown outcome": [
        "SET a  |-|",
        "DEL 0     |?",
        "GET a       |-|",
        "GET nil        |-|",
    ],
    "one key was removed once": ["SET a  |-|", "DEL 1      |--|", "DEL 0      |--|"],
}

BAD = {
    "a stale read": (["SET a  |-|", "SET b     |-|", "GET a        |-|"], "old-value"),
    "a read that goes back": (
        ["SET a  |-|", "SET b    |------|", "GET b      |-|", "GET a         |-|"],
        "old-value",
    ),
    "a write that was lost": (["SET a  |-|", "GET nil     |-|"], "lost-write"),
    "a write that was done twice": (
        ["SET a  |-|", "SET b     |-|", "GET b        |-|", "GET a           |-|"],
        "old-value",
    ),
    "a write that was refused": (
        ["SET b  |-|", "SET a    |--!", "GET a         |-|"],
        "refused-but-done",
    ),
    "a value from nowhere": (["SET a  |-|", "GET c     |-|"], "value-from-nowhere"),
    "a value from the future": (["GET a  |-|", "SET a     |-|"], "value-from-nowhere"),
    "removed twice": (["SET a  |-|", "DEL 1     |-|", "DEL 1        |-|"], "wrong-count"),
    "removed, and not counted": (
        ["SET a  |-|", "DEL 0     |-|", "GET nil      |-|"],
        "wrong-count",
    ),
    "removed, and still there": (
        ["SET a  |-|", "DEL 1     |-|", "GET a        |-|"],
        "old-value",
    ),
    "a read that is stale, and a removal before it": (
        ["SET a  |-|", "DEL 1     |-|", "SET b        |-|", "GET nil           |-|"],
        "old-value",
    ),
    "unknown, done, and undone": (
        ["SET a  |-|", "SET b     |?", "GET b      |-|", "GET a         |-|"],
        "old-value",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_has_an_order_is_accepted(name: str) -> None:
    assert check(history(*GOOD[name])) is None


@pytest.mark.parametrize("name", BAD)
def test_what_has_none_is_found_and_explained(name: str) -> None:
    lines, diagnosis = BAD[name]
    fault = check(history(*lines))
    assert fault is not None
    told = explain(fault)
    assert told.diagnosis.id == diagnosis
    assert "<- has no place" in told.drawing


def test_the_search_for_the_smallest_history_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many at once, and a read that is stale for long: some parts can't be decided."""
    spent = 0

    def counted(operations: list[Operation], budget: int) -> tuple[Operation | None, int]:
        nonlocal spent
        spent += len(operations) + budget
        found, left = no_order_within(operations, budget)
        spent -= left
        return found, left

    monkeypatch.setattr("grader.histories.explain.no_order_within", counted)
    monkeypatch.setattr("grader.histories.explain._MOST_STATES", 200_000)
    random, state, made = Random(2), b"", list[Operation]()
    for moment in range(0, 15_000, 10):
        kind = random.choice([SET, SET, GET])
        state = b"%d" % moment if kind == SET else state
        called, back = moment - random.randrange(1, 40), moment + random.randrange(1, 40)
        made.append(Operation("c", kind, b"k", (state,), called, back, DONE))
    last = max(place for place, one in enumerate(made) if one.kind == GET)
    made[last] = replace(made[last], value=made[20].value)
    fault = check(made)
    assert fault is not None
    told = explain(fault)
    assert told.at == made[last] and told.diagnosis.id == "old-value"
    assert 0 < spent <= 200_000 + 20_000


def test_keys_are_judged_one_by_one() -> None:
    one = history("SET a  |-|", "GET a     |-|")
    other = [replace(each, key=b"l", value=B if each.value == A else C) for each in one]
    assert check(one + other) is None
    stale = replace(other[1], value=C)
    fault = check([*one, other[0], stale])
    assert fault is not None and fault.at == stale


def test_only_what_matters_is_drawn() -> None:
    many = []
    for number in range(0, 400, 4):
        value = (b"v%d" % number,)
        many.append(Operation("writer", SET, b"k", value, number, number + 1))
        many.append(Operation("reader", GET, b"k", value, number + 2, number + 3))
    many[151] = replace(many[151], value=(b"v8",))
    fault = check(many)
    assert fault is not None
    told = explain(fault)
    assert told.at == many[151]
    assert len(told.core) <= 4
    assert [line.split("  ")[1] for line in told.drawing.splitlines()] == [
        one.words() for one in told.core
    ]


def test_the_drawing() -> None:
    made = history("SET a  |-|", "SET b     |-|", "GET c       |--!", "GET a           |-|")
    made[3] = replace(made[3], node=2)
    fault = check(made)
    assert fault is not None
    assert explain(fault).drawing.splitlines() == [
        "c0  SET k = a             |-|",
        "c1  SET k = b                 |-|",
        "c3 at node 2  GET k is a          |-|   <- has no place",
    ]


def test_a_budget_that_is_used_up_decides_nothing() -> None:
    many = [Operation(f"c{n}", SET, b"k", (b"%d" % n,), n, 100 + n) for n in range(16)]
    many += [Operation("r", GET, b"k", (b"x",), 50, 90)]
    with pytest.raises(Undecided):
        check(many, budget=500)


def test_many_unknown_outcomes_cost_little() -> None:
    many = []
    for number in range(0, 6000, 3):
        outcome = UNKNOWN if number % 2 else DONE
        back = None if number % 2 else number + 1
        many.append(Operation("w", SET, b"k", (b"%d" % number,), number, back, outcome))
        many.append(Operation("r", GET, b"k", many[-1].value, number + 1, number + 2))
    assert check(many) is None


# --- against all orders ---


def has_order(operations: list[Operation]) -> bool:
    """Tries them all."""
    alive = [
        one
        for one in operations
        if one.outcome is DONE or (one.outcome is UNKNOWN and one.kind != GET)
    ]

    def go_on(left: tuple[int, ...], state: Value | None) -> bool:
        if all(alive[at].outcome is UNKNOWN for at in left):
            return True
        for at in left:
            one = alive[at]
            if any(_is_before(alive[other], one) for other in left):
                continue
            if one.outcome is DONE and one.kind == GET and one.value != state:
                continue
            if one.outcome is DONE and one.kind == DEL and one.removed != (state is not None):
                continue
            after = {SET: one.value, GET: state, DEL: None}[one.kind]
            if go_on(tuple(other for other in left if other != at), after):
                return True
        return False

    return go_on(tuple(range(len(alive))), None)


def _is_before(one: Operation, other: Operation) -> bool:
    return one.returned is not None and one.returned < other.called


@st.composite
def any_history(draw: st.DrawFn) -> list[Operation]:
    """Right or wrong, most of them nearly right: few values, so that some are written twice."""
    made = []
    for number in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from([SET, SET, GET, GET, DEL]))
        outcome = draw(st.sampled_from([DONE, DONE, DONE, UNKNOWN, REFUSED]))
        value = draw(st.sampled_from([A, B, C])) if kind != DEL else None
        if kind == GET and draw(st.booleans()):
            value = None
        called = draw(st.integers(0, 12))
        back = None if outcome is UNKNOWN else called + draw(st.integers(1, 6))
        removed = draw(st.integers(0, 1)) if kind == DEL else 0
        made.append(Operation(f"c{number}", kind, b"k", value, called, back, outcome, removed))
    return made


@settings(max_examples=600, deadline=None)
@given(any_history())
def test_it_says_what_the_judge_of_all_orders_says(operations: list[Operation]) -> None:
    fault = check(operations)
    assert (fault is None) == has_order(operations)
    if fault is not None:
        told = explain(fault)
        assert not has_order(told.core)


@st.composite
def real_history(draw: st.DrawFn) -> list[Operation]:
    """One that a store with a single copy has carried out: moments in order, times around them."""
    state: Value | None = None
    made = []
    for moment in range(0, draw(st.integers(1, 40)) * 10, 10):
        kind = draw(st.sampled_from([SET, SET, GET, GET, GET, DEL]))
        called, back = moment - draw(st.integers(1, 35)), moment + draw(st.integers(1, 35))
        value = (b"%d" % moment,) if kind == SET else state if kind == GET else None
        removed = int(kind == DEL and state is not None)
        one = Operation("c", kind, b"k", value, called, back, DONE, removed)
        lost = kind != GET and draw(st.integers(0, 5)) == 0
        if kind != GET and (not lost or draw(st.booleans())):
            state = one.value if kind == SET else None
        made.append(replace(one, returned=None, outcome=UNKNOWN) if lost else one)
    return made


@settings(max_examples=150, deadline=None)
@given(real_history())
def test_what_one_copy_did_is_always_accepted(operations: list[Operation]) -> None:
    assert check(operations) is None
