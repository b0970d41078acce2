"""The transcript of a card: what comes again and again hides nothing else."""

from __future__ import annotations

from grader.labs.lab5.told import Pulses, named, whole
from grader.report.transcript import ANSWERS, last_lines
from grader.run.world import Event
from grader.wire.messages import AppendEntries, AppendEntriesReply, LogEntry, encode

BEATS = "heartbeats of node 2 in term 1"


def said(at: float, what: str, pulse: str = "") -> Event:
    return Event(at, "node 1", what, b"", 0, pulse=pulse)


def test_a_run_of_heartbeats_is_one_line() -> None:
    run = [said(1 + beat / 100, "receives a heartbeat", BEATS) for beat in range(51)]
    lines = last_lines([said(0, "is dialled"), *run, said(2, "ends")])
    assert lines == ["node 1 is dialled", f"(51 {BEATS}, unanswered: 0.50 s)", "node 1 ends"]


def test_answers_are_counted() -> None:
    run = [said(0, "receives", BEATS), said(0, "sends", ANSWERS)] * 2
    assert last_lines(run) == [f"(2 {BEATS}, 2 {ANSWERS}: 0.00 s)"]


def test_one_or_two_are_told_each() -> None:
    run = [said(0, "receives a heartbeat", BEATS)] * 2
    assert last_lines(run) == ["node 1 receives a heartbeat"] * 2


def test_only_the_last_lines_are_told() -> None:
    events = [said(number, f"does {number}") for number in range(20)]
    assert last_lines(events, 3) == [f"node 1 does {number}" for number in (17, 18, 19)]


def test_what_tells_something_is_no_pulse() -> None:
    """Entries, their answers, and refusals."""
    pulses = Pulses()
    beat = AppendEntries(1, 2, 5, 1, 4, 7, ())
    brings = AppendEntries(1, 2, 5, 1, 4, 8, (LogEntry(1, b"x"),))
    assert pulses.of(beat) == BEATS
    assert pulses.of(AppendEntriesReply(1, 3, 5, 1, 4, 7)) == ANSWERS
    assert pulses.of(brings) == ""
    assert pulses.of(AppendEntriesReply(1, 3, 6, 1, 4, 8)) == ""
    assert pulses.of(AppendEntriesReply(1, 3, 2, 0, 4, 7)) == ""


def test_a_message_is_told_by_its_fields() -> None:
    request = AppendEntries(7, 2, 9, 6, 8, 41, (LogEntry(6, b""),))
    told = "AppendEntries (node 2, term 7, prev 9/6, 1 entry, commit 8, seq 41)"
    assert named(request) == told
    assert whole(encode(request)) == request
    assert whole(encode(request)[:-1]) is None
