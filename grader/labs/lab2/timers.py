"""What timers owe, on any backend: never early, in order, each once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from grader.labs.lab2.driver import Driver, Line
from grader.labs.resources import expect_idle
from grader.labs.stage import Attempt
from grader.run.random import Random
from grader.verdicts import Diagnosis, Hang, StageFailure, fail


@dataclass(frozen=True)
class Due:
    """A timer is due between these two times of the grader's clock, in seconds."""

    earliest: float
    latest: float


def set_timer(driver: Driver, number: int, delay_ms: int) -> Due:
    before, after = driver.obeyed(f"timer {number} {delay_ms}")
    return Due(before + delay_ms / 1000, after + delay_ms / 1000)


def expect_timer(driver: Driver, number: int, due: Due) -> None:
    """It is called, and not before it is due."""
    line = expect_called(driver, number)
    expect_not_early(driver, number, line.at, due)


def expect_called(driver: Driver, number: int) -> Line:
    try:
        return driver.wait(f"timer {number}")
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "timer-missing",
            "a timer is not called, or far too late: does the loop sleep no longer than until the "
            "soonest, and in the right units?",
        )
        raise


def expect_not_early(driver: Driver, number: int, at: float, due: Due) -> None:
    early = due.earliest - at
    if early > 0:
        fail(
            f"timer {number} of {driver.program.name} is called {early * 1000:.3f} ms too early",
            Diagnosis(
                "timer-early",
                "a timeout of whole milliseconds has to be rounded up: in what is cut off, the "
                "timer is not due yet",
            ),
        )


def one_after_another(driver: Driver) -> None:
    """Short ones, where a part of a millisecond counts, and one that is longer."""
    for delay_ms in (50, 0, 1, *[2, 3] * 12):
        expect_timer(driver, 1, set_timer(driver, 1, delay_ms))
    driver.order("fatal 70 71\ntimer 71 0")
    expect_called(driver, 70)
    driver.obeyed("work 73 10\ntimer 74 12")  # the second is due while the first is at work
    expect_called(driver, 73)
    expect_called(driver, 74)
    if driver.read():
        fail(
            f"'{driver.lines[0].text}' is said of a timer that another one's callback cleared",
            Diagnosis("timer-again", "what is due is called one by one: each may clear the others"),
        )


def many_at_once(driver: Driver, random: Random) -> None:
    """Some are moved, some are cleared, and the others come in the order of their times."""
    delays: dict[int, int] = {}
    orders = []
    for number in [*range(2, 42), *range(3, 42, 3)]:  # the second time it is moved
        delays[number] = random.between(20, 80)
        orders.append(f"timer {number} {delays[number]}")
    for number in range(2, 42, 4):
        del delays[number]
        orders.append(f"clear {number}")
    for number in (2, 6):  # set again after all
        delays[number] = random.between(20, 80)
        orders.append(f"timer {number} {delays[number]}")
    in_one_turn(driver, orders, delays)
    shape = dict(enumerate((22, 57, 67, 62, 42, 37, 12, 17, 47, 52, 27, 32, 7), start=2))
    orders = [f"timer {number} {delay_ms}" for number, delay_ms in shape.items()]
    del shape[5]  # the last one of the heap has to go up from there
    in_one_turn(driver, [*orders, "clear 5"], shape)


def in_one_turn(driver: Driver, orders: list[str], delays: dict[int, int]) -> None:
    """Orders in one segment, so that no timer is called in between."""
    before, after = driver.obeyed("\n".join(orders))
    _expect_all(driver, {n: Due(before + ms / 1000, after + ms / 1000) for n, ms in delays.items()})


def _expect_all(driver: Driver, due: dict[int, Due]) -> None:
    """Each once, none early, none after one that is due later, and no other."""
    called: list[int] = []

    def take() -> bool:
        driver.read()
        while driver.lines:
            line = driver.lines.pop(0)
            named = re.fullmatch(r"timer ([0-9]{1,9})", line.text)
            number = int(named[1]) if named else -1
            if number not in due or number in called:
                _unexpected(line.text, called)
            expect_not_early(driver, number, line.at, due[number])
            called.append(number)
        return len(called) == len(due) or driver.program.ended()

    try:
        driver.world.wait(take, f"{len(due)} timers")
    except Hang as hang:
        hang.summary = f"of {len(due)} timers {len(called)} are called; {hang.summary}"
        hang.diagnosis = Diagnosis("timer-missing", "some timers are lost: after a move, a clear?")
        raise
    _expect_order(called, due)


def _unexpected(text: str, called: list[int]) -> None:
    again = text.partition(" ")[2] in map(str, called)
    fail(
        f"'{text}' is said " + ("a second time" if again else "of a timer that is not set"),
        Diagnosis("timer-again", "a timer is called once, and not at all once it was cleared"),
    )


def _expect_order(called: list[int], due: dict[int, Due]) -> None:
    for first, second in pairwise(called):
        if due[second].latest < due[first].earliest:
            gap = (due[first].earliest - due[second].latest) * 1000
            raise StageFailure(
                f"timer {second} is due at least {gap:.1f} ms before timer {first}, and is called "
                "after it",
                diagnosis=Diagnosis("timer-order", "timers are called in the order of their times"),
            )


def far_away(driver: Driver) -> None:
    """Times that overflow an int, of milliseconds or of microseconds, are far away all the same."""
    far = {50: 3_000_000, 51: 2_500_000_000, 52: 1 << 32}
    for number, delay_ms in far.items():
        driver.obeyed(f"timer {number} {delay_ms}")
        expect_idle(
            driver.program,
            f"while a timer is due in {delay_ms:,} ms",
            "timer-overflow",
            "milliseconds in 64 bits don't fit into an int",
        )
        expect_timer(driver, 1, set_timer(driver, 1, 10))
        driver.obeyed(f"clear {number}")
    if driver.read():
        fail(
            f"'{driver.lines[0].text}' is said of a timer that is due in an hour or later",
            Diagnosis("timer-overflow", "milliseconds in 64 bits don't fit into an int"),
        )


def with_descriptors(driver: Driver) -> None:
    """Neither keeps the other from its turn."""
    driver.obeyed("busy 1")
    for delay_ms in (10, *[1, 2, 3] * 8):
        due = set_timer(driver, 1, delay_ms)
        try:
            expect_timer(driver, 1, due)
        except Hang as hang:
            hang.diagnosis = Diagnosis(
                "descriptors-starve-timers",
                "a descriptor is ready in every turn, and timers get none: they are called in each "
                "turn, whatever else it brought",
            )
            raise
    driver.obeyed("busy 0")
    try:
        driver.obeyed("repeat 60\ntimer 61 0")
        driver.wait("timer 61")
        expect_repeats(driver)
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "timers-starve-descriptors",
            "a timer that sets itself with 0 ms is called again and again in one turn: what a "
            "callback sets is called in a later turn",
        )
        raise
    driver.obeyed("clear 60")


def expect_repeats(driver: Driver) -> None:
    """A timer that its callback sets again is called again and again."""
    for _ in range(1000):
        driver.order("count 60")
        if driver.expect_number("count") > 2:
            return
        driver.world.observe(0.005, lambda: False)
    fail(
        "a timer whose callback sets it again is not called again",
        Diagnosis(
            "timer-not-again",
            "a timer is taken out before its callback runs: what that sets must stay set",
        ),
    )


def despite_the_wall_clock(attempt: Attempt, backend: str) -> None:
    """A clock that somebody sets: each look at CLOCK_REALTIME is an hour off, to and fro."""
    jumping = Driver(
        attempt,
        backend,
        build="faults",
        environment={"FAULTS": "wall=3600"},
        name=f"loop_driver on {backend} where the wall clock jumps",
    )
    expect_timer(jumping, 1, set_timer(jumping, 1, 20))


def all_of_it(attempt: Attempt, backend: str) -> None:
    driver = Driver(attempt, backend)
    one_after_another(driver)
    if backend == "select":  # that they are, and which clock, is no matter of the backend
        far_away(driver)
        despite_the_wall_clock(attempt, backend)
    with_descriptors(driver)
    many_at_once(driver, attempt.random(backend))
    driver.order("quit")
    try:
        status = driver.program.wait_end()
    except Hang as hang:
        hang.diagnosis = Diagnosis("does-not-stop", "loop_run goes on after loop_stop was called")
        raise
    if status != 0:
        fail(
            f"{driver.program.name} {driver.program.ending()} after loop_free",
            Diagnosis("driver-ended", "its own words are below"),
        )
