"""The deadline of a stage counts the time that the machine gave, and no other."""

from __future__ import annotations

import os
import selectors
import subprocess
from itertools import chain, pairwise, repeat
from pathlib import Path
from typing import Any

import pytest

from grader.run import procinfo, world
from grader.run.program import Program
from grader.run.world import World
from grader.verdicts import Hang, StageFailure


class Clock:
    """Stands for the module ``time`` and for a selector: waiting takes as long as was asked for,
    and ``stall`` seconds more, once.
    """

    def __init__(self) -> None:
        self.now = self.stall = 0.0

    def monotonic(self) -> float:
        return self.now

    def select(self, seconds: float) -> list[Any]:
        self.now += seconds + self.stall
        self.stall = 0.0
        return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(world, "time", clock)
    monkeypatch.setattr(selectors, "DefaultSelector", lambda: clock)
    return clock


def never() -> bool:
    return False


def hangs_after(clock: Clock, world: World) -> float:
    with pytest.raises(Hang):
        world.wait(never, "what never comes")
    return clock.now


def test_the_deadline(clock: Clock) -> None:
    assert hangs_after(clock, World(10)) == pytest.approx(10, abs=0.1)


def test_time_in_which_the_grader_stood_still_does_not_count(clock: Clock) -> None:
    waiting = World(10)
    clock.stall = 30
    assert hangs_after(clock, waiting) == pytest.approx(40, abs=0.1)
    assert "stood still for 30.0 s" in waiting.events[0].what


@pytest.mark.parametrize(("busy", "more"), [(0, 0), (0.4, 0), (4, 4), (60, 10)])
def test_a_busy_machine_gives_more_time_once(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, busy: float, more: float
) -> None:
    monkeypatch.setattr(procinfo, "pressure_seconds", lambda: 1000.0)
    waiting = World(10)
    monkeypatch.setattr(procinfo, "pressure_seconds", lambda: 1000.0 + busy)
    assert hangs_after(clock, waiting) == pytest.approx(10 + more, abs=0.1)
    with pytest.raises(Hang):
        waiting.look("what never comes")
    assert clock.now == pytest.approx(10 + more, abs=0.1)


@pytest.mark.parametrize(("starved", "more"), [(0, 0), (2, 20), (100, 40)])
def test_programs_without_a_processor_get_more_time(
    clock: Clock, starved: int, more: float
) -> None:
    waiting, answers = World(10), chain(repeat(True, starved), repeat(False))
    waiting.excuse(lambda: next(answers))
    waiting.excuse(lambda: False)
    assert hangs_after(clock, waiting) == pytest.approx(10 + more, abs=0.1)


@pytest.mark.parametrize(
    ("ran", "waited", "threads", "starved"),
    [(0.5, 6.0, 1, True), (0.5, 4.0, 1, False), (2.0, 6.0, 1, False), (0.5, 6.0, 100, False)],
)
def test_a_program_is_starved_by_others_and_not_by_itself(
    monkeypatch: pytest.MonkeyPatch, ran: float, waited: float, threads: int, starved: bool
) -> None:
    program = object.__new__(Program)
    program.world, program._schedules = World(10), {}
    monkeypatch.setattr(Program, "processes", lambda _: [7])
    monkeypatch.setattr(procinfo, "threads", lambda _: list(range(threads)))
    monkeypatch.setattr(procinfo, "schedule", lambda _: (ran, waited))
    assert program._is_starved() == starved
    assert not program._is_starved()  # since then, it did neither


def test_that_processors_are_fought_over_is_seen() -> None:
    """Of two that spin on one processor, one always waits."""
    if not Path("/proc/pressure/cpu").exists():
        pytest.skip("this kernel keeps no account of it")
    processor = str(min(os.sched_getaffinity(0)))
    spin = ["taskset", "-c", processor, "sh", "-c", "while :; do :; done"]
    before = procinfo.pressure_seconds()
    both = [subprocess.Popen(spin), subprocess.Popen(spin)]
    try:
        while min(procinfo.cpu_seconds(process.pid) for process in both) < 0.5:
            pass
        assert procinfo.pressure_seconds() - before > 0.1
    finally:
        for process in both:
            process.kill()
            process.wait()


def test_what_has_no_event_is_looked_at_often_at_first_and_seldom_later(clock: Clock) -> None:
    looks: list[float] = []

    def look() -> bool:
        looks.append(clock.now)
        return False

    World(10).observe(1, look)
    pauses = [after - before for before, after in pairwise(looks[:-1])]
    assert pauses[0] < 0.001
    assert pauses[-2] == pytest.approx(0.02)
    assert len(looks) < 80


def test_a_process_without_a_processor_is_starved_and_one_that_sleeps_is_not() -> None:
    spin = "while :; do :; done"
    cpu = str(min(os.sched_getaffinity(0)))
    pinned = ["taskset", "-c", cpu]
    commands = [["sh", "-c", spin]] * 5 + [["nice", "-n", "19", "sh", "-c", spin], ["sleep", "60"]]
    started = [subprocess.Popen([*pinned, *command]) for command in commands]
    try:
        *_, starved, asleep = (one.pid for one in started)
        World(60).wait(lambda: procinfo.is_starved(starved, 0.5), "the process to be starved")
        assert not procinfo.is_starved(asleep, 0.5)
        assert not procinfo.is_starved(starved, 3600)
        assert not procinfo.is_starved(starved, 0.5, procinfo.schedule(starved))
    finally:
        for one in started:
            one.kill()
            one.wait()


def test_what_is_held_of_a_program_is_bounded() -> None:
    world = World(60)
    world.bound_memory(64 << 20)
    world.observe(0.1, lambda: False)
    held = bytes(128 << 20).replace(b"\0", b"x")
    with pytest.raises(StageFailure, match="MiB of it are held here"):
        world.wait(lambda: False, f"{len(held)} bytes")
