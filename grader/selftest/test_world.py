"""The deadline of a stage counts the time that the machine gave, and no other."""

from __future__ import annotations

import os
import selectors
import subprocess
from typing import Any

import pytest

from grader.run import procinfo, world
from grader.run.world import World
from grader.verdicts import Hang


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


@pytest.mark.parametrize(("starved", "more"), [(0, 0), (0.4, 0), (4, 4), (60, 10)])
def test_a_program_without_a_processor_gets_more_time_once(
    clock: Clock, starved: float, more: float
) -> None:
    waiting = World(10)
    waiting.starved(lambda: 0.0)
    waiting.starved(lambda: starved)
    assert hangs_after(clock, waiting) == pytest.approx(10 + more, abs=0.1)
    with pytest.raises(Hang):
        waiting.look("what never comes")
    assert clock.now == pytest.approx(10 + more, abs=0.1)


def test_waiting_for_a_processor_is_seen() -> None:
    """Of two that spin on one processor, each waits while the other runs."""
    processor = str(min(os.sched_getaffinity(0)))
    spin = ["taskset", "-c", processor, "sh", "-c", "while :; do :; done"]
    both = [subprocess.Popen(spin), subprocess.Popen(spin)]
    try:
        while min(procinfo.cpu_seconds(process.pid) for process in both) < 0.1:
            pass
        assert min(procinfo.waited_for_cpu(process.pid) for process in both) > 0.01
    finally:
        for process in both:
            process.kill()
            process.wait()
