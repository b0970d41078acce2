"""The simulator: what it finds in servers of Python that break one rule each, that it finds nothing
in one that is right, and that it does so from the student's side of a socket too.
"""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from grader.errors import UsageError
from grader.labs.simulator import fail_broken
from grader.run.sandbox import SANITIZER_EXIT
from grader.selftest.simulators import compiled, serving
from grader.selftest.toy_raft import Toys
from grader.sim import cluster, ladder, run, trace
from grader.sim.cluster import Cluster, Disk, Ended, Input
from grader.sim.invariants import RULES, Broken, Elections, decode
from grader.sim.schedule import Faults
from grader.sim.server import (
    CANDIDATE,
    FOLLOWER,
    LEADER,
    SAVE_ENTRY,
    SAVE_VOTE,
    SEND,
    SYNC,
    Config,
    ForkedServer,
    ForkingHost,
    Life,
    ServerEnded,
    ServerHangs,
)
from grader.sim.server import decode as decode_answer
from grader.sim.shrink import shrink
from grader.verdicts import Hang, StageFailure
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    Malformed,
    Message,
    RequestVote,
    RequestVoteReply,
    encode,
)
from grader.wire.messages import decode as decode_message

THREE = Config(3)
SMALL = Faults(loss=8000, repeat=4000, late=2000, moves=300, crashes=300)


FLAWS = {
    "sends before it syncs": "save, then send",
    "saves no votes": "save, then send",
    "votes twice": "save, then send",
    "names another": "messages name their sender",
    "counts to half": "a majority elects",
    "never beats": "a leader is elected",
    "ends": "a server lives on",
    "is always due": "deadlines move on",
    "refuses the stale": "messages are accepted",
}


def first_failure(host: Toys, config: Config, runs: int = 20) -> run.Run:
    drawn = (run.draw(host, config, (1, "5.14", number), 1500) for number in range(runs))
    return next(one for one in drawn if one.broken is not None)


@pytest.mark.parametrize("servers", [1, 2, 3, 5])
def test_nothing_is_found_in_a_server_that_is_right(servers: int) -> None:
    for number in range(6):
        done = run.draw(Toys(), Config(servers), (number, "5.14", number), 1500)
        assert done.broken is None, ladder.draw(done)
        assert done.events > 20


@pytest.mark.parametrize("flaw", FLAWS)
def test_each_flaw_breaks_its_rule_and_the_shrunk_run_breaks_it_too(flaw: str) -> None:
    failed = first_failure(Toys(flaw), Config(4))
    assert failed.broken is not None
    assert failed.broken.rule == FLAWS[flaw]
    assert failed.broken.rule in RULES
    short = shrink(Toys(flaw), failed, tries=150)
    assert short.broken is not None
    assert short.broken.rule == FLAWS[flaw]
    if flaw != "never beats":  # a leader that is missing shows after a long time only
        assert len(short.inputs) <= 40


def test_a_flood_ends_a_run_and_is_not_shrunk() -> None:
    """Each answer makes a heartbeat to every other server."""
    failed = first_failure(Toys("answers answers"), Config(4), runs=1)
    assert failed.broken is not None and failed.broken.rule == "messages do not multiply"
    assert shrink(Toys("answers answers"), failed) is failed


def test_a_run_depends_on_its_place_alone() -> None:
    one, same, other = (
        run.draw(Toys(), THREE, place, 1000)
        for place in [(1, "5.14", 1), (1, "5.14", 1), (1, "5.14", 2)]
    )
    assert run.difference(one, same) is None
    assert run.difference(one, other) is not None


def test_a_replay_is_the_run() -> None:
    once = run.draw(Toys(), THREE, (3, "5.14", 1), 2000, SMALL)
    again = run.replay(Toys(), THREE, once.inputs)
    assert run.difference(once, again) is None
    assert {one[1] for one in once.inputs} >= {"start", "tick", "receive", "doom", "heal", "expect"}


def test_the_first_difference_of_two_programs_is_found() -> None:
    once = run.draw(Toys(), THREE, (3, "5.14", 1), 500)
    other = run.replay(Toys("draws no timeouts"), THREE, once.inputs)
    at = run.difference(once, other)
    assert at is not None
    assert once.answers[:at] == other.answers[:at]


def test_a_trace_is_written_and_read(tmp_path: Path) -> None:
    failed = first_failure(Toys("votes twice"), THREE)
    path = tmp_path / "trace.jsonl"
    trace.write(path, failed, seed=1, stage="5.14", number=0)
    there = trace.read(path)
    assert (there.head["seed"], there.head["broken"]) == (1, "save, then send")
    assert (there.config, there.rules) == (THREE, run.elections)
    assert all(line["state"]["role"] for line in map(json.loads, path.open()) if "state" in line)
    again = run.replay(Toys("votes twice"), there.config, there.inputs, rules=there.rules)
    assert again.broken is not None
    assert run.difference(failed, again) is None
    assert there.again(again) is None
    other = run.replay(Toys("draws no timeouts"), there.config, there.inputs)
    at = there.again(other)
    assert at is not None
    assert there.lines[:at] == list(trace.lines(other))[:at]


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    for text in ("", "{}\n", '{"version": 2}\n', "no JSON\n"):
        path.write_text(text)
        with pytest.raises(UsageError):
            trace.read(path)


ELECTION: list[Input] = [
    (1, cluster.START, 0, 1, 5, 0),
    (2, cluster.START, 0, 2, 6, 0),
    (3, cluster.TICK, 300, 1, 0, 0),
    (4, cluster.RECEIVE, 301, 2, 3, 0),
]


def fresh(flaw: str = "") -> Cluster:
    return Cluster(Toys(flaw), THREE, [Elections(THREE)])


@pytest.mark.parametrize(
    ("after", "kept", "vote", "messages"),
    [(0, 9, (0, 0), 0), (1, 0, (0, 0), 0), (1, 1, (1, 0), 0), (2, 1, (1, 0), 0), (2, 2, (1, 1), 0),
     (3, 0, (1, 1), 0), (4, 0, (1, 1), 1), (9, 0, (1, 1), 1)],
)  # fmt: skip
def test_a_crash_between_two_effects_keeps_a_prefix(
    after: int, kept: int, vote: tuple[int, int], messages: int
) -> None:
    """The voter saves its term, saves its vote, syncs and sends."""
    some = fresh()
    for one in ELECTION[:3]:
        some.apply(one)
    some.apply((4, cluster.DOOM, 300, 2, after, kept))
    sent = some.apply((5, cluster.RECEIVE, 301, 2, 3, 0))
    assert not some.runs(2)
    assert some.crashed == {5}
    assert (some.disks[2].vote, len(sent)) == (vote, messages)
    some.apply((6, cluster.START, 302, 2, 7, 0))
    state = some.states[2]
    assert state is not None
    assert state[3:5] == vote


def test_a_saved_entry_replaces_all_that_follow_its_place() -> None:
    disk = Disk()
    disk.unsynced = [(SAVE_ENTRY, index, 1, b"old") for index in (1, 2, 3)]
    disk.sync()
    disk.unsynced = [(SAVE_ENTRY, 2, 4, b"new"), (SAVE_VOTE, 4, 1)]
    assert len(disk.entries) == 3
    disk.sync()
    assert (disk.entries, disk.vote) == ([(1, b"old"), (4, b"new")], (4, 1))


def test_inputs_that_make_no_sense_are_passed_over() -> None:
    some = fresh()
    for one in ELECTION:
        some.apply(one)
    known = list(some.inputs)
    for one in [
        (5, cluster.START, 302, 1, 9, 0),  # it runs
        (6, cluster.TICK, 302, 3, 0, 0),  # it does not
        (7, cluster.RECEIVE, 302, 1, 3, 0),  # that message is not for it
        (8, cluster.RECEIVE, 302, 2, 3, 5),  # there were not so many
    ]:
        assert some.apply(one) == []
    assert some.inputs == known


def test_one_vote_a_term_outlives_a_restart() -> None:
    checks = Elections(THREE)
    yes = encode(RequestVoteReply(1, 1))
    checks.did(1, [(SAVE_VOTE, 1, 2), (SYNC,), (SEND, 2, yes)])
    checks.crashed(1, [])
    checks.started(1, (0, 0, FOLLOWER, 1, 2, 0, 0, 0))
    with pytest.raises(Broken, match="one vote a term"):
        checks.did(1, [(SAVE_VOTE, 1, 3), (SYNC,), (SEND, 3, yes)])


def test_two_leaders_of_a_term_and_terms_and_commits_that_fall_are_found() -> None:
    state = (0, 0, LEADER, 4, 0, 0, 0, 0)
    checks = Elections(Config(1))
    checks.became(1, state)
    with pytest.raises(Broken, match="terms never fall"):
        checks.became(1, (0, 0, FOLLOWER, 3, 0, 0, 0, 0))
    checks = Elections(THREE)
    checks.leaders[4] = 2
    with pytest.raises(Broken, match="election safety"):
        checks.became(1, state)
    checks.became(3, (0, 0, FOLLOWER, 4, 0, 0, 5, 5))
    with pytest.raises(Broken, match="commit never falls"):
        checks.became(3, (0, 0, FOLLOWER, 4, 0, 0, 5, 4))


@pytest.mark.parametrize(
    "message",
    [
        RequestVote(7, 2, 9, 6),
        RequestVoteReply(7, 1),
        AppendEntries(7, 2, 9, 6, 8, 2**32 - 1, ()),
        AppendEntries(7, 2, 9, 6, 8, 41, (LogEntry(6, b""), LogEntry(7, b"set"))),
        AppendEntriesReply(7, 3, 11, 1, 8, 2**32 - 1),
    ],
)
def test_the_fast_decoder_accepts_and_refuses_what_the_codec_does(message: Message) -> None:
    data = encode(message)
    assert decode(data)[2] == 7
    for at in range(len(data)):
        for value in (0x02, 0x80, 0xFF):
            other = data[:at] + bytes([value]) + data[at + 1 :]
            assert _is_refused(decode, other) == _is_refused(decode_message, other)
    assert _is_refused(decode, data[:-1])
    assert _is_refused(decode, data + b"\0")
    assert _is_refused(decode, b"")


def _is_refused(decoder: object, data: bytes) -> bool:
    try:
        decoder(data)  # type: ignore[operator]
    except Malformed:
        return True
    return False


LADDER = """\
        S1                S2
     0  *                 :                 S1 start t0
     0  |                 *                 S2 start t0
   300! |                 *                 S2 leader t1, saves t1 for S2, syncs, vote? t1 0/0 to
        |                 #                 S1, beat t1 to S1
| follower  ? candidate  # leader  : down  X crash  (events that changed nothing are left out)
broken: a majority elects: server 2: it leads in term 1 with 1 of 2 votes"""
VOTER = """\
   301  o---- vote? --->|               :               vote? t1 0/0: S2 t1, votes S1, saves t1,
        ?               |               :               saves t1 for S1, syncs, yes t1 to S1"""


def test_a_ladder_shows_who_told_whom_what() -> None:
    failed = run.replay(Toys("counts to half"), Config(2), [
        (1, cluster.START, 0, 1, 5, 0), (2, cluster.START, 0, 2, 6, 0),
        (3, cluster.TICK, 300, 2, 0, 0),
    ])  # fmt: skip
    assert ladder.draw(failed) == LADDER
    assert VOTER in ladder.draw(run.replay(Toys(), THREE, ELECTION))


@pytest.mark.parametrize("servers", [1, 3, 5, 7])
def test_a_ladder_has_a_hundred_columns_and_keeps_the_last_crash(servers: int) -> None:
    done = run.draw(Toys(), Config(servers), (4, "5.14", 1), 1000, SMALL)
    assert done.crashed
    lines = ladder.draw(done, last=5).splitlines()
    assert max(map(len, lines)) <= ladder.COLUMNS
    assert sum(" crash" in line for line in lines[1:-1]) == 1
    assert len(lines) <= 3 * 6 + 4


def test_a_status_that_makes_no_sense_breaks_a_rule() -> None:
    for role, vote, leader in ((3, 0, 0), (-1, 0, 0), (0, 4, 0), (0, 0, 99), (0, 0, -1)):
        with pytest.raises(Broken, match="raft_status makes sense"):
            Elections(THREE).became(1, (0, 0, role, 0, vote, leader, 0, 0))


def test_an_answer_that_makes_no_sense_is_refused() -> None:
    backward = (
        b"\x01" + bytes(4) + b"\xf7\xff\xff\xff" + bytes(36),
        b"\x03" + bytes(8) + b"\xf3\xff\xff\xff" + bytes(36),
    )
    for data in (b"", b"\x09" + bytes(36), b"\x01" + bytes(8), bytes(35), *backward):
        with pytest.raises(ServerEnded):
            decode_answer(data)


# --- raft_sim, with the core of solutions/ ---

CORE = [
    *(f"solutions/lab5-election/{name}.c" for name in ("raft", "election")),
    "solutions/lab4-message/message.c",
    *(f"labs/host/{name}.c" for name in ("raft_sim", "sim", "jobs", "no_replication")),
]


@pytest.fixture(scope="module")
def raft_sim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("sim") / "raft_sim", CORE)


@pytest.fixture
def host(raft_sim: Path) -> Iterator[ForkingHost]:
    with serving(raft_sim, endings=(0, -9)) as host:  # a test may kill it
        yield host


def start(host: ForkingHost) -> ForkedServer:
    return host.start(Life(THREE, 1, 0, 5, (3, 2), []))[0]


def parent(server: ForkedServer) -> int:
    """The program that forked it."""
    return int(Path(f"/proc/{server._pid}/stat").read_text().split()[3])


def test_a_server_answers_what_it_did_and_what_it_is(host: ForkingHost) -> None:
    server = start(host)
    assert server.status()[2:6] == (FOLLOWER, 3, 2, 0)
    effects, state = server.tick(300)
    ask = encode(RequestVote(4, 1, 0, 0))
    assert effects == [(SAVE_VOTE, 4, 1), (SYNC,), (SEND, 2, ask), (SEND, 3, ask)]
    assert state[2:5] == (CANDIDATE, 4, 1)
    effects, state = server.receive(301, 2, encode(RequestVoteReply(4, 1)))
    assert [effect[:2] for effect in effects] == [(SEND, 2), (SEND, 3)]
    assert state[1:3] == (1, LEADER)
    assert server.receive(302, 2, b"\1")[1][1] == 0
    assert server.propose(303, b"a log")[1][1] == 0
    assert os.WTERMSIG(server.end()) == signal.SIGKILL


def test_a_server_that_is_killed_is_seen_and_no_other_is_harmed(host: ForkingHost) -> None:
    one, other = start(host), start(host)
    os.kill(one._pid, signal.SIGABRT)
    with pytest.raises(ServerEnded):
        for now in range(1000):
            one.tick(now)
    assert os.WTERMSIG(one.end()) == signal.SIGABRT
    assert other.status()[3] == 3


def test_the_report_of_a_sanitizer_is_kept(host: ForkingHost) -> None:
    server = start(host)
    os.kill(server._pid, signal.SIGSEGV)
    with pytest.raises(ServerEnded):
        for now in range(1000):
            server.tick(now)
    assert os.waitstatus_to_exitcode(server.end()) == SANITIZER_EXIT
    assert b"ERROR: AddressSanitizer: SEGV" in server.printed()


def test_a_server_that_hangs_is_told_from_one_that_ended(host: ForkingHost) -> None:
    server = start(ForkingHost(host._jobs, patience_s=1))
    os.kill(server._pid, signal.SIGSTOP)
    with pytest.raises(ServerHangs):
        server.tick(1)
    assert os.WTERMSIG(server.end()) == signal.SIGKILL


def test_a_machine_that_takes_long_to_fork_ends_no_server(host: ForkingHost) -> None:
    forks, looks = parent(start(host)), iter([0, 0, signal.SIGCONT])
    os.kill(forks, signal.SIGSTOP)
    server = start(ForkingHost(host._jobs, look=lambda: os.kill(forks, next(looks, 0))))
    assert next(looks, None) is None
    assert server.status()[3] == 3
    assert os.WTERMSIG(server.end()) == signal.SIGKILL


def test_a_bound_ends_the_wait_for_a_fork(host: ForkingHost) -> None:
    forks = parent(start(host))
    os.kill(forks, signal.SIGSTOP)
    with pytest.raises(Hang):
        start(ForkingHost(host._jobs, look=Mock(side_effect=Hang("a fork", 1))))
    os.kill(forks, signal.SIGKILL)


def test_a_server_that_nothing_forks_has_no_status(host: ForkingHost) -> None:
    os.kill(parent(start(host)), signal.SIGKILL)
    drawn = run.draw(host, THREE, (1, "5.14", 1), 1500)
    assert isinstance(drawn.broken, Ended) and drawn.broken.status is None
    with pytest.raises(StageFailure, match="could not be started") as failure:
        fail_broken(drawn)
    assert failure.value.run is None  # so the engine looks how the program ended


def test_no_server_outlives_the_program_that_forked_it(host: ForkingHost) -> None:
    server, end = start(host), select.poll()
    end.register(os.pidfd_open(server._pid), select.POLLIN)
    os.kill(parent(server), signal.SIGKILL)
    assert end.poll(10_000)


def test_an_ending_is_told_in_words() -> None:
    assert "server 2 was ended by signal 6" in str(Ended(2, False, 6, b""))
    assert "server 2 ended with status 86" in str(Ended(2, False, 86 << 8, b""))
    assert "server 2 does not return from a call" in str(Ended(2, True, 9, b""))
