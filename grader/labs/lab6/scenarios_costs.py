"""Scenarios: what is sent, and how often. Bounds are several times what a plain leader needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grader.labs.lab6.scenario import Passed, Scenario
from grader.sim.invariants import APPEND, REQUEST, decode

_INTERVALS, _PROPOSALS = 40, 60
_PAUSE = 23  # ms between proposals: each has been acknowledged long before the next
_MESSAGES_A_BEAT = 30  # to and from one follower: heartbeats may be early, and are answered
FEW, MANY = 2_000, 50_000  # entries that a follower lacks
MOST_MESSAGES = 200  # for few of them, of a leader whose requests are worth a look at many
_MOST_CPU_S = 2.0


def _requests(passed: Iterable[Passed], to: int) -> list[tuple[int, ...]]:
    found = [decode(one.message) for one in passed if one.to == to]
    return [fields for fields in found if fields[0] == APPEND]


def idle(one: Scenario) -> None:
    one.elect(1)
    one.committed(one.propose(1), *one.servers)
    one.run(2 * one.config.heartbeat)
    one.step = f"nobody proposes for {_INTERVALS} heartbeat intervals"
    before = len(one.passed)
    most = _MESSAGES_A_BEAT * _INTERVALS * (len(one.servers) - 1)
    too_many = one.wait(lambda: len(one.passed) - before > most, _INTERVALS * one.config.heartbeat)
    passed = one.passed[before:]
    if too_many:
        one.fail(
            "waste-idle",
            f"more than {most} messages were sent before they are over",
            "each follower needs a heartbeat in each interval, and answers it",
        )
    entries = sum(fields[-1] for to in one.servers for fields in _requests(passed, to))
    if entries:
        one.fail(
            "waste-resent",
            f"{entries} entries were sent, which all servers had acknowledged",
            "what is known to match is not sent again",
        )
    if any(decode(each.message)[0] == REQUEST for each in passed):
        one.fail("scenario-churn", "a server asks for votes", "all hear from their leader in time")


def each_once(one: Scenario) -> None:
    one.elect(1)
    one.committed(one.propose(1), *one.servers)
    one.run(2 * one.config.heartbeat)
    one.step = f"{_PROPOSALS} entries are proposed, and acknowledged one after the other"
    before = len(one.passed)
    for _ in range(_PROPOSALS):
        one.propose(1)
        one.run(_PAUSE)
    one.committed(one.last(1), *one.servers)
    passed = one.passed[before:]
    for to in (2, 3):
        requests = _requests(passed, to)
        entries = sum(fields[-1] for fields in requests)
        if entries > 3 * _PROPOSALS // 2:
            one.fail(
                "waste-resent",
                f"server {to} was sent {entries} entries for {_PROPOSALS} that it lacked, and "
                "acknowledged each at once",
                "one that is on its way, or acknowledged, need not be sent again",
            )
        beats = _PROPOSALS * _PAUSE // one.config.heartbeat
        most = 3 * _PROPOSALS + _MESSAGES_A_BEAT // 2 * beats
        if len(requests) > most:
            one.fail(
                "waste-messages",
                f"server {to} was sent {len(requests)} requests for {_PROPOSALS} entries and "
                f"{beats} heartbeats",
                "a request an entry and one a heartbeat are enough",
            )


def disks_behind(entries: int) -> dict[int, Sequence[int]]:
    """Of three servers the third has nothing."""
    return {server: (1, 0, *[1] * entries) for server in (1, 2)}


def behind(
    one: Scenario,
    entries: int,
    requests_before: int | None = None,
    cpu_before: float | None = None,
) -> tuple[int, float]:
    """How many requests the third needs to be like the others, and how much CPU time that takes.
    Before that it was so much for ``FEW`` entries.
    """
    one.step = f"server 1 leads, and server 3 is {entries:,} entries behind"
    one.elect(1)
    one.committed(one.propose(1), *one.servers, missing=entries)
    requests, cpu = len(_requests(one.passed, 3)), one.cpu_seconds()
    growth = entries // FEW
    most = 2 * (entries if requests_before is None else growth * requests_before) + 100
    if requests > most:
        one.fail(
            "waste-messages",
            f"server 3 was sent {requests:,} requests; {most:,} are plenty",
            "a refusal tells where its log ends, so that the request after it may bring entries",
        )
    if cpu_before is not None and cpu > max(_MOST_CPU_S, 4 * growth * cpu_before):
        one.fail(
            "quadratic",
            f"that took {cpu:.1f} s of CPU time, and {FEW:,} entries took {cpu_before:.2f} s",
            "each entry is looked at a few times, however many there are",
        )
    return requests, cpu
