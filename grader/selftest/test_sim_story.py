"""What is told of simulated runs, and the files that hold them: stories, traces, captures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.selftest.test_dissector import fields, tshark
from grader.selftest.toy_runs import THREE, broken_run, long_run, played, replicating
from grader.sim import capture, cluster, ladder, page, run, trace
from grader.sim.run import Run
from grader.sim.server import FOLLOWER, SAVE_VOTE, SEND, SYNC
from grader.sim.story import tell
from grader.wire.messages import RequestVote, RequestVoteReply, encode


def test_the_story_tells_what_happened_and_what_came_of_it() -> None:
    story = tell(broken_run())
    *_, asks, grants = story.steps
    assert asks.changes == ["It becomes a candidate in term 1.", "Its term was 0.",
                            "It votes for itself in term 1."]  # fmt: skip
    assert grants.what == "Server 2 receives a RequestVote request from server 1."
    assert [words for words, _ in grants.effects] == [
        "saves term 1 and no vote", "syncs: all that it saved is durable now", "sends to S1",
    ]  # fmt: skip
    assert [(one.sender, one.to, one.received) for one in story.sent] == [
        (1, 2, [3]), (1, 3, []), (2, 1, []),
    ]  # fmt: skip
    assert story.votes == [(2, 1, 1, 1), (3, 1, 2, 1)]


def test_a_vote_that_did_not_outlive_a_crash_is_none() -> None:
    """It was saved, and neither synced nor sent; the next one, for another server, was."""
    yes = encode(RequestVoteReply(1, 1))
    state = (300, 1, FOLLOWER, 1, 0, 0, 0, 0)
    asks = encode(RequestVote(1, 1, 0, 0)), encode(RequestVote(1, 3, 0, 0))
    some = Run(THREE, [
        (1, cluster.START, 0, 2, 5, 0), (2, cluster.START, 0, 1, 5, 0),
        (3, cluster.START, 0, 3, 5, 0), (4, cluster.TICK, 1, 1, 0, 0),
        (5, cluster.TICK, 1, 3, 0, 0), (6, cluster.DOOM, 1, 2, 1, 0),
        (7, cluster.RECEIVE, 2, 2, 4, 0), (8, cluster.START, 3, 2, 5, 0),
        (9, cluster.RECEIVE, 4, 2, 5, 0),
    ], [
        ([], state), ([], state), ([], state), ([(SEND, 2, asks[0])], state),
        ([(SEND, 2, asks[1])], state), ([], (0,) * 8), ([(SAVE_VOTE, 1, 1)], state), ([], state),
        ([(SAVE_VOTE, 1, 3), (SYNC,), (SEND, 3, yes)], state),
    ], {7}, 4, None, {})  # fmt: skip
    story = tell(some)
    assert [vote for vote in story.votes if vote[2] == 2] == [(8, 1, 2, 3)]
    assert story.steps[6].changes[1] == "Of 1 save since its last sync, 0 outlive it."
    assert story.steps[6].state is None
    assert story.steps[8].disk == ("t1, vote S3", "")


def test_the_story_of_one_server_among_played_ones() -> None:
    story = tell(played())
    assert [step.what for step in story.steps] == [
        "The disk of server 1 holds: t3, vote S2, log 2.",
        "Server 1 starts. On its disk: t3, vote S2, log 2.",
        "Server 1 looks at its clock.",
        "Server 1 receives a RequestVote response from server 2.",
        "Server 1 receives a RequestVote response from a server that is not known.",
        "Server 1 crashes.",
    ]
    assert story.votes == [(0, 3, 1, 2), (2, 4, 1, 1), (3, 4, 2, 1)]
    assert [step.state is None for step in story.steps] == [True, False, False, False, False, True]
    assert "S1 leader t4" in ladder.draw(played())


def test_bytes_that_are_no_message_are_shown_up_to_the_fault() -> None:
    *_, bad, none = tell(replicating()).messages
    assert (bad.title, bad.kind, bad.says) == ("malformed message", "bad", "")
    assert bad.fault.startswith("offset 0, type: there is no type")
    assert none.fault == "the bytes end within the header"


# --- traces and captures ---


@pytest.mark.parametrize("make", [broken_run, long_run, replicating, played])
def test_a_recorded_run_is_the_run(tmp_path: Path, make: Callable[[], Run]) -> None:
    path = tmp_path / "trace.jsonl"
    once = make()
    trace.write(path, once, stage="5.14")
    known = trace.read(path)
    again = known.recorded()
    assert run.difference(once, again) is None
    assert (known.head["stage"], again.crashed, again.virtual_ms) == (
        "5.14", once.crashed, once.virtual_ms,
    )  # fmt: skip
    assert (once.broken and once.broken.words) == (again.broken and again.broken.words)
    assert page.render(once) == page.render(again)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"server": 2', '"server": 4'), ('"receive"', '"deceive"'), ('"sync"', '"sink"'),
     ('["send", 1,', '["send",'), ('"at": 301', '"at": "soon"'), ('"term"', '"turn"'),
     ('"servers": 3', '"servers": 1000000000')],
)  # fmt: skip
def test_a_recorded_run_that_makes_no_sense_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "trace.jsonl"
    trace.write(path, broken_run())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(UsageError):
        trace.read(path).recorded()


def test_a_capture_holds_what_arrived_when_it_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "run.pcap"
    capture.write(path, broken_run())
    names = ("frame.time_epoch", "ip.src", "ip.dst", "raft.type", "raft.term", "raft.candidate_id")
    assert tshark(path, *fields(*names)) == [
        ["0.300000000", "10.0.0.1", "10.0.0.2", "1", "1", "1", ""],
        ["0.300000000", "10.0.0.1", "10.0.0.3", "1", "1", "1", ""],  # which never runs
    ]
    capture.write(path, played())
    assert tshark(path, *fields("ip.src", "ip.dst", "raft.type", "raft.vote_granted"))[2:] == [
        ["10.0.0.2", "10.0.0.1", "2", "1", ""], ["10.0.0.1", "10.0.0.2", "3", "", ""],
        ["10.0.0.1", "10.0.0.3", "3", "", ""], ["10.0.0.0", "10.0.0.1", "2", "0", ""],
    ]  # fmt: skip


def test_a_capture_of_a_long_run_has_no_complaints(tmp_path: Path) -> None:
    done, path = long_run(), tmp_path / "run.pcap"
    capture.write(path, done)
    rows = tshark(path, *fields("raft.type"))
    assert len(rows) == sum(one[1] == cluster.RECEIVE for one in done.inputs)
    assert {row[0] for row in rows} == {"1", "2", "3", "4"}
    assert {row[1] for row in rows} == {""}
