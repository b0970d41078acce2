"""Lab 2, on both backends: a loop that has nothing to do, and what wakes it."""

from __future__ import annotations

import signal

from grader.labs.lab2.driver import Driver
from grader.labs.lab2.server import BACKENDS, loop_server, on
from grader.labs.resources import (
    expect_idle,
)
from grader.labs.scenes import (
    expect_echo,
    served_client,
)
from grader.labs.stage import Attempt, stage
from grader.verdicts import Diagnosis, Hang, fail

TIMERS = 124  # of the driver's


@stage("2.16", "Idle costs nothing", points=3, see="lab2#idle", source="select(2); epoll_wait(2)")
def test_idle(attempt: Attempt) -> None:
    """A loop that waits for a client or for a timer sleeps, up to the very moment."""
    servers = [loop_server(attempt, backend) for backend in BACKENDS]
    clients = [served_client(server) for server in servers for _ in range(3)]
    expect_idle(
        [server.program for server in servers],
        "with three idle clients",
        "busy-when-idle",
        "a loop calls again and again what returns at once",
    )
    drivers = [Driver(attempt, backend) for backend in BACKENDS]
    for driver in drivers:
        driver.obeyed("timer 1 100000\ntimer 2 4000000\ntimer 3 990")
    for _ in range(3):  # on a busy machine one that turns all the time may seem to rest
        expect_idle(
            [driver.program for driver in drivers],
            "while timers are waited for",
            "busy-before-timer",
            "the timeout is too short, or 0",
        )
    expect_sleep_between_timers(drivers)
    for client in clients:
        expect_echo(client, b"and awake")


def expect_sleep_between_timers(drivers: list[Driver]) -> None:
    """One is due every two milliseconds: to spin for the rest of each takes half of that."""
    orders = "\n".join(f"timer {number} {2 * number}" for number in range(3, TIMERS))
    used = {driver: driver.program.cpu_seconds() for driver in drivers}
    for driver in drivers:
        driver.obeyed(orders)
    for driver in drivers:
        driver.wait(f"timer {TIMERS - 1}")
        spent = driver.program.cpu_seconds() - used[driver]
        if spent > TIMERS * 0.0005:
            fail(
                f"{driver.program.name} took {spent:.2f} s of CPU time for {TIMERS} timers",
                Diagnosis(
                    "busy-before-timer",
                    "it does not sleep in the last millisecond before a timer is due: is the rest "
                    "rounded down, to a timeout of 0?",
                ),
            )


@stage(
    "2.17",
    "Wake from another thread",
    points=4,
    see="lab2#wake",
    source="eventfd(2); pipe(7); signal-safety(7)",
    seconds=20,
)
def test_wake(attempt: Attempt) -> None:
    """loop_wake() ends the sleep of the loop, from any thread or a signal handler: its own thread
    then calls on_wake. No wake is lost, and threads share nothing else. Clean under
    ThreadSanitizer.
    """
    for backend in BACKENDS:
        with on(backend):
            driver = Driver(attempt, backend, build="threads")
            posted = 0
            for threads, count in ((1, 1), (1, 1), (4, 50), (1, 1)):
                driver.order(f"wake {threads} {count}")
                posted += threads * count
                expect_woken(driver, posted)
            driver.order("rewake 2\nwake 1 1")  # two more wakes, each from within on_wake
            posted += 3
            expect_woken(driver, posted)
            driver.order("stopwake")
            driver.wait("stopped")
            posted += 1
            expect_woken(driver, posted)
            driver.order("wakes 70000")
            posted += 70_000
            expect_woken(driver, posted)
            expect_idle(
                driver.program,
                "after the last wake",
                "wake-repeated",
                "what wakes the loop stays ready until it is read",
            )
            signalled = Driver(attempt, backend)  # ThreadSanitizer holds signals back
            signalled.obeyed("signal")
            for number in (1, 2):
                signalled.program.signal(signal.SIGUSR1)
                expect_woken(signalled, number)


def expect_woken(driver: Driver, posted: int) -> None:
    try:
        driver.wait(f"woken {posted}")
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "wake-lost",
            f"wake number {posted} was never heard of: does it end a sleep that has begun already, "
            "and one that is about to begin?",
        )
        raise
