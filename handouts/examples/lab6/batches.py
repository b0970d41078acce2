#!/usr/bin/env python3
"""How long an entry waits until a follower has it on disk, for three ways to send entries.

A model, no measurement: a message takes 0.1 ms one way, a sync 1 ms, whatever its size; entries
come by chance. The follower takes one message after the other.
"""

import random
import statistics
from bisect import bisect_right
from collections.abc import Iterator

WAY, SYNC, TIMER = 0.1, 1.0, 2.0  # milliseconds
ENTRIES = 20_000


# [ways]
def one_each(come: list[float]) -> Iterator[tuple[float, int]]:
    """When each message leaves, and how many entries it has."""
    for at in come:
        yield at, 1


def by_timer(come: list[float]) -> Iterator[tuple[float, int]]:
    first = 0
    while first < len(come):
        leaves = come[first] + TIMER
        count = bisect_right(come, leaves) - first
        yield leaves, count
        first += count


def one_in_flight(come: list[float]) -> Iterator[tuple[float, int]]:
    first, free = 0, 0.0
    while first < len(come):
        leaves = max(come[first], free)
        count = bisect_right(come, leaves) - first
        yield leaves, count
        free = leaves + WAY + SYNC + WAY  # its reply is back
        first += count


# [ways-end]


def waits(come: list[float], messages: Iterator[tuple[float, int]]) -> tuple[list[float], int]:
    """Milliseconds from an entry's arrival to the reply for it; and the number of messages."""
    done, free, total = [], 0.0, 0
    for leaves, count in messages:
        free = max(leaves + WAY, free) + SYNC
        done += [free + WAY - at for at in come[len(done) : len(done) + count]]
        total += 1
    return done, total


def main() -> None:
    print("entries     one each            by timer            one in flight")
    print("a second    median     99 %     median     99 %     median     99 %   entries a message")
    for rate in (10, 100, 500, 900, 2_000, 20_000, 200_000):
        chance = random.Random(rate)
        come, now = [], 0.0
        for _ in range(ENTRIES):
            now += chance.expovariate(rate / 1000)
            come.append(now)
        row = f"{rate:8}"
        for way in (one_each, by_timer, one_in_flight):
            times, messages = waits(come, way(come))
            late = statistics.quantiles(times, n=100)[98]
            row += f"{statistics.median(times):11.1f}{late:9.1f}"
        print(f"{row}{ENTRIES / messages:20.1f}")


if __name__ == "__main__":
    main()
