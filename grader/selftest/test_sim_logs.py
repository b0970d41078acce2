"""The rules of logs: servers of Python that break one each are found out, one that is right is not,
and what is found is shrunk to a run that breaks it too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.selftest.toy_log import LogToys
from grader.sim import ladder, run, trace, words
from grader.sim.choices import Bounds, elected
from grader.sim.cluster import AGREE
from grader.sim.invariants import RULES, Broken
from grader.sim.invariants_log import Logs
from grader.sim.log_model import Log
from grader.sim.schedule import Faults
from grader.sim.search import search
from grader.sim.server import (
    APPLY,
    FOLLOWER,
    LEADER,
    SAVE_ENTRY,
    SAVE_VOTE,
    SEND,
    SYNC,
    Config,
    Effect,
)
from grader.sim.shrink import shrink
from grader.wire.messages import AppendEntries, AppendEntriesReply, LogEntry, encode

THREE = Config(3)

# Each flaw, and the rules one of which it breaks first.
FLAWS = {
    "forgets its log": ["promises outlive a restart"],
    "says more than it saved": ["promises outlive a restart", "what is in the log is saved"],
    "saves elsewhere": ["entries are saved in order"],
    "applies twice": ["entries are applied in order"],
    "applies other data": ["entries are applied in order"],
    "appends with an old term": ["a leader's entries are of its term"],
    "a leader cuts": ["leader append-only"],
    "sends other data": ["a leader sends its own log"],
    "tells too much": ["a majority commits", "commit is bounded by what was checked"],
    "counts before it syncs": ["a majority commits"],
    "commits alone": ["a majority commits"],
    "commits old terms": ["entries of the current term commit"],
    "takes no proposals": ["a leader takes proposals"],
    "tells a shorter log": ["candidates tell their own log"],
    "votes for any log": ["votes go to logs that are up to date"],
    "checks no terms": ["what is acknowledged is there", "terms in a log never fall"],
    "commits to its end": ["commit is bounded by what was checked"],
    "acknowledges its end": ["replies answer requests"],
    "hints beyond its end": ["replies answer requests"],
    "returns another ack": ["replies answer requests"],
    "takes nothing": ["what is acknowledged is there"],
    "cuts what matches": ["only conflicts are cut", "state machine safety"],
    "sends before it syncs": ["save, then send"],
    "never goes back": ["logs become equal"],
}


ROUGH = Faults(5000, 30_000, 20_000, moves=100, crashes=400, proposals=5)


def drawn(flaw: str, servers: int, number: int) -> run.Run:
    config, place = Config(servers), (1, "6.14", number)
    faults = ROUGH if flaw == "commits to its end" else None  # it takes a stale tail
    return run.draw(LogToys(flaw), config, place, 800, faults, run.logs)


@pytest.mark.parametrize("servers", [1, 2, 3, 5])
def test_nothing_is_found_in_a_server_that_is_right(servers: int) -> None:
    for number in range(8):
        done = drawn("", servers, number)
        assert done.broken is None, ladder.draw(done)


@pytest.mark.parametrize("flaw", FLAWS)
def test_each_flaw_breaks_its_rule_and_the_shrunk_run_breaks_it_too(flaw: str) -> None:
    servers = 1 if flaw == "counts before it syncs" else 3  # one alone need not send first
    runs = (drawn(flaw, servers, number) for number in range(60))
    failed = next(one for one in runs if one.broken)
    assert failed.broken is not None
    assert failed.broken.rule in FLAWS[flaw], failed.broken
    assert failed.broken.rule in RULES
    short = shrink(LogToys(flaw), failed, tries=150)
    assert short.broken is not None
    assert short.broken.rule == failed.broken.rule
    if flaw != "never goes back":
        assert len(short.inputs) <= 40


# --- every order of a small cluster ---


def test_a_right_server_is_searched_wholly() -> None:
    found = search(
        LogToys(), THREE, 20_000, Bounds(4, 1, 1, proposals=1), rules=run.logs, beginning=elected
    )
    assert found.complete and found.run is None
    assert found.states > 1000


@pytest.mark.parametrize("flaw", ["commits alone", "sends before it syncs", "takes nothing"])
def test_flaws_are_found_by_a_search_that_begins_with_a_leader(flaw: str) -> None:
    bounds = Bounds(4, 2, 1, repeats=1, proposals=2)
    found = search(LogToys(flaw), THREE, 5_000, bounds, rules=run.logs, beginning=elected).run
    assert found is not None and found.broken is not None
    assert found.broken.rule in FLAWS[flaw]
    assert len(found.inputs) <= 14


# --- what is told of logs ---


def test_a_trace_says_what_was_agreed(tmp_path: Path) -> None:
    done = drawn("", 3, 0)
    trace.write(tmp_path / "trace", done)
    there = trace.read(tmp_path / "trace")
    assert [one[1] for one in there.inputs].count(AGREE) == 1
    again = run.replay(LogToys(), there.config, there.inputs, rules=there.rules)
    assert there.again(again) is None
    text = (tmp_path / "trace").read_text()
    for leader in (1, 2, 3):
        text = text.replace(f'"server": 0, "leader": {leader}}}', '"server": 0, "leader": 9}')
    (tmp_path / "trace").write_text(text)
    with pytest.raises(UsageError):
        trace.read(tmp_path / "trace")


def test_entries_in_a_row_are_told_together() -> None:
    saves = [(SAVE_ENTRY, index, 3, b"x") for index in (4, 5, 6)]
    applies = [(APPLY, 4, 3, b"x"), (APPLY, 6, 3, b"x"), (APPLY, 7, 4, b"x")]
    told = [words.short(one[0], len(one)) for one in words.runs([*saves, (SYNC,), *applies])]
    assert told == [
        "saves entries 4-6 t3", "syncs", "applies entry 4 t3", "applies entry 6 t3",
        "applies entry 7 t4",
    ]  # fmt: skip
    assert words.of_effect(saves[0], 3) == "saves entries 4 to 6 of term 3"


def test_a_log_knows_what_an_event_has_cut() -> None:
    log = Log()
    for index in (1, 2, 3, 4):
        log.save((SAVE_ENTRY, index, 1, b"x"))
    log.end_event(4)
    assert (log.synced(), log.durable) == (0, [])
    log.sync()
    log.save((SAVE_ENTRY, 3, 1, b"x"))  # the same again
    assert (log.lost(3), log.synced()) == (4, 2)
    log.save((SAVE_ENTRY, 4, 2, b"y"))
    assert (log.lost(4), log.before(4), log.before(2)) == (4, (1, b"x"), (1, b"x"))
    log.crash([(SAVE_ENTRY, 3, 1, b"x")])
    assert log.entries == [(1, b"x")] * 3 == log.durable
    assert (log.length, log.synced(), log.lost(3), log.lost(1)) == (3, 3, 0, 2)


SAVES: list[Effect] = [(SAVE_ENTRY, 1, 1, b"x"), (SAVE_ENTRY, 2, 1, b"y")]
REQUEST = encode(AppendEntries(1, 1, 0, 0, 0, 1, (LogEntry(1, b"x"), LogEntry(1, b"y"))))


def two_committed() -> Logs:
    """Server 1 leads in term 1, and has committed two entries that server 2 has as well."""
    reply = encode(AppendEntriesReply(1, 2, 2, 1, 0, 1))
    logs = Logs(THREE)
    for server in (1, 2, 3):
        logs.started(server, (0, 0, FOLLOWER, 0, 0, 0, 0, 0))
    logs.did(1, [(SAVE_VOTE, 1, 1), *SAVES, (SYNC,), (SEND, 2, REQUEST)])
    logs.became(1, (0, 0, LEADER, 1, 1, 1, 2, 0))
    logs.received(2, 1, REQUEST)
    logs.did(2, [(SAVE_VOTE, 1, 0), *SAVES, (SYNC,), (SEND, 1, reply)])
    logs.became(2, (0, 0, FOLLOWER, 1, 0, 1, 2, 0))
    logs.received(1, 2, reply)
    logs.did(1, [(APPLY, 1, 1, b"x"), (APPLY, 2, 1, b"y")])
    logs.became(1, (0, 0, LEADER, 1, 1, 1, 2, 2))
    return logs


def test_a_committed_entry_that_only_a_minority_keeps_is_found() -> None:
    """Server 2 writes once more what it has, and crashes on the way: what follows is gone."""
    logs = two_committed()
    logs.received(2, 1, REQUEST)
    logs.did(2, SAVES[:1])
    with pytest.raises(Broken, match="a majority keeps what is committed"):
        logs.crashed(2, SAVES[:1])


def test_a_leader_without_a_committed_entry_is_found() -> None:
    logs = two_committed()
    logs.did(3, [(SAVE_VOTE, 2, 3), (SAVE_ENTRY, 1, 2, b"")])
    with pytest.raises(Broken, match="leader completeness"):
        logs.became(3, (0, 0, LEADER, 2, 3, 3, 1, 0))


def test_another_entry_in_the_place_of_a_committed_one_is_found() -> None:
    logs = two_committed()
    other = encode(AppendEntries(2, 2, 0, 0, 2, 1, (LogEntry(1, b"x"), LogEntry(2, b"z"))))
    logs.received(3, 2, other)
    with pytest.raises(Broken, match="state machine safety"):
        logs.did(3, [(SAVE_VOTE, 2, 0), SAVES[0], (SAVE_ENTRY, 2, 2, b"z"), (SYNC,),
                     (APPLY, 1, 1, b"x"), (APPLY, 2, 2, b"z")])  # fmt: skip


def test_an_entry_that_is_another_one_elsewhere_is_found() -> None:
    logs = two_committed()
    with pytest.raises(Broken, match="log matching"):
        logs.did(3, [(SAVE_VOTE, 1, 0), (SAVE_ENTRY, 1, 1, b"z")])


def test_a_commit_index_that_is_told_too_early_is_found() -> None:
    logs = Logs(THREE, durable=False)
    logs.did(1, [(SAVE_VOTE, 1, 1), (SEND, 2, encode(AppendEntries(1, 1, 0, 0, 1, 1, ())))])
    with pytest.raises(Broken, match="nobody tells more than is committed"):
        logs.became(1, (0, 0, LEADER, 1, 1, 1, 0, 0))


def test_what_is_answered_and_saved_later_breaks_no_rule() -> None:
    """Server 3 has the entries at once, and saves, syncs and answers in its next tick."""
    logs = two_committed()
    logs.received(3, 1, REQUEST)
    logs.became(3, (0, 1, FOLLOWER, 1, 0, 1, 2, 0))
    reply = encode(AppendEntriesReply(1, 3, 2, 1, 0, 1))
    logs.did(3, [(SAVE_VOTE, 1, 0), *SAVES, (SYNC,), (SEND, 1, reply)])
    logs.became(3, (0, 0, FOLLOWER, 1, 0, 1, 2, 0))
    with pytest.raises(Broken, match="what is in the log is saved"):
        logs.did(3, [(SEND, 1, reply)])
        logs.became(3, (0, 0, FOLLOWER, 1, 0, 1, 3, 0))
