"""The witness and the wires of stage 5.19 and of ``make soak``: what they find in bytes that are
planted, and that they pass on everything else.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.labs.lab5.node import Address, addresses, file_of
from grader.labs.lab5.peer import acknowledged, ask, heartbeat, vote
from grader.labs.lab5.proxy import Proxy, Wires
from grader.labs.lab5.trio import Trio
from grader.labs.lab5.witness import Stream, Witness
from grader.run.world import World
from grader.selftest.harness import GRADER_SECONDS, ROOT, broken_programs, grader_environment
from grader.sim.invariants import RULES, Broken
from grader.soak import common, elections
from grader.verdicts import StageFailure
from grader.wire.messages import AppendEntries, LogEntry, encode

SECONDS = 20.0  # far more than any test here takes


class Talk:
    """Messages between three nodes, as the witness sees them: one connection for each direction."""

    def __init__(self) -> None:
        self.witness = Witness(3)
        self._streams: dict[tuple[int, int], Stream] = {}

    def say(self, sender: int, receiver: int, data: bytes) -> None:
        if (sender, receiver) not in self._streams:
            self._streams[sender, receiver] = self.witness.stream(sender, receiver)
        self.witness.saw(self._streams[sender, receiver], data)

    def restart(self, node: int) -> None:
        self.witness.restarted(node)
        self._streams = {ends: one for ends, one in self._streams.items() if node not in ends}

    def elect(self, leader: int, voter: int, term: int) -> None:
        self.say(leader, voter, ask(term, leader))
        self.say(voter, leader, vote(term))
        self.say(leader, voter, heartbeat(term, leader, 1))
        self.say(voter, leader, acknowledged(term, voter, 1))


def two_votes_in_a_term(talk: Talk) -> None:
    talk.say(3, 1, vote(5))
    talk.say(3, 2, vote(5))


def a_vote_for_another_after_its_own_candidacy(talk: Talk) -> None:
    talk.say(1, 2, ask(5, 1))
    talk.say(1, 3, vote(5))


def a_second_vote_after_a_restart(talk: Talk) -> None:
    talk.say(3, 1, vote(5))
    talk.restart(3)
    talk.say(3, 2, vote(5))


def a_lower_term_on_one_connection(talk: Talk) -> None:
    talk.say(1, 2, ask(5, 1) + vote(4, 0))


def a_lower_term_after_a_restart(talk: Talk) -> None:
    talk.say(1, 2, ask(5, 1))
    talk.restart(1)
    talk.say(1, 3, ask(4, 1))


def two_leaders_in_a_term(talk: Talk) -> None:
    talk.elect(1, 2, 5)
    talk.say(3, 2, heartbeat(5, 3, 1))


def a_leader_without_a_vote(talk: Talk) -> None:
    talk.say(2, 1, vote(4))
    talk.say(1, 2, heartbeat(5, 1, 1))


def another_node_s_name(talk: Talk) -> None:
    talk.elect(1, 2, 5)
    talk.say(2, 1, acknowledged(5, 3, 1))


def bytes_that_are_no_message(talk: Talk) -> None:
    talk.say(1, 2, ask(5, 1) + b"\7\0\0\0\0\0\0\0")


def a_flag_of_two(talk: Talk) -> None:
    talk.say(1, 2, vote(5, 2))


PLANTED: dict[Callable[[Talk], None], str] = {
    two_votes_in_a_term: "one vote a term",
    a_vote_for_another_after_its_own_candidacy: "one vote a term",
    a_second_vote_after_a_restart: "one vote a term",
    a_lower_term_on_one_connection: "terms never fall",
    a_lower_term_after_a_restart: "terms never fall",
    two_leaders_in_a_term: "election safety",
    a_leader_without_a_vote: "a majority elects",
    another_node_s_name: "messages name their sender",
    bytes_that_are_no_message: "messages are canonical",
    a_flag_of_two: "messages are canonical",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_the_witness_finds(plant: Callable[[Talk], None]) -> None:
    with pytest.raises(Broken) as found:
        plant(Talk())
    assert found.value.rule == PLANTED[plant]
    assert found.value.rule in RULES


def test_the_witness_passes_what_is_right() -> None:
    """Repeats, refusals, late messages on other connections, bytes one at a time, a restart."""
    talk = Talk()
    talk.elect(1, 2, 5)
    talk.elect(1, 2, 5)
    for byte in heartbeat(5, 1, 2) + heartbeat(5, 1, 3):
        talk.say(1, 3, bytes([byte]))
    talk.say(3, 2, ask(6, 3))
    talk.say(3, 1, acknowledged(5, 3, 3))  # sent before, seen later
    talk.say(2, 3, vote(6))
    talk.say(1, 3, heartbeat(5, 1, 4)[:7])  # cut off by its end
    talk.restart(1)
    talk.say(1, 3, vote(6, 0))
    talk.say(3, 1, heartbeat(6, 3, 1))
    assert talk.witness.leaders == {5: 1, 6: 3}
    assert talk.witness.leader(above=5) == (6, 3)
    assert talk.witness.leader(above=6) is None


# --- wires ---


@pytest.fixture
def world() -> Iterator[World]:
    made = World(SECONDS)
    yield made
    made.close()


class Ends:
    """Node 1 dials node 2 through a proxy; both are plain sockets here."""

    def __init__(self, world: World) -> None:
        proxy, target = addresses(2)
        self.world, self.witness = world, Witness(3)
        self.wires = Wires(world, self.witness)
        self.server = socket.create_server(target.raft)
        self.proxy = Proxy(self.wires, 1, 2, proxy, target)
        self.one = socket.create_connection(proxy.raft)
        self._until(lambda: len(self.wires._ends) == 2)
        self.two = self.server.accept()[0]
        for end in (self.one, self.two):
            end.setblocking(False)

    def _until(self, ready: Callable[[], bool]) -> None:
        self.world.wait(ready, "the wires")

    def receive(self, end: socket.socket, size: int) -> bytes:
        """So many bytes, or what there is before the end of the stream."""
        got = bytearray()
        ended = False

        def enough() -> bool:
            nonlocal ended
            with contextlib.suppress(BlockingIOError):
                data = end.recv(1 << 16)
                got.extend(data)
                ended = not data
            return ended or len(got) >= size

        self._until(enough)
        return bytes(got)

    def close(self) -> None:
        self.wires.close()
        self.proxy.close()
        for one in (self.one, self.two, self.server):
            one.close()


@pytest.fixture
def ends(world: World) -> Iterator[Ends]:
    made = Ends(world)
    yield made
    made.close()


def test_wires_pass_bytes_on_both_ways_and_the_ends_too(ends: Ends) -> None:
    ends.one.sendall(ask(5, 1)[:9])
    assert ends.receive(ends.two, 9) == ask(5, 1)[:9]
    ends.one.sendall(ask(5, 1)[9:])
    ends.receive(ends.two, 15)
    ends.one.shutdown(socket.SHUT_WR)
    assert ends.receive(ends.two, 1) == b""
    assert ends.wires.are_silent(1) and not ends.wires.are_silent(2)
    ends.two.sendall(vote(5))
    assert ends.receive(ends.one, 13) == vote(5)
    ends.two.close()
    assert ends.receive(ends.one, 1) == b""
    ends.world.wait(lambda: ends.wires.are_silent(2), "the end")
    assert ends.witness.messages == 2


def test_wires_carry_what_a_slow_reader_leaves(ends: Ends) -> None:
    entries = (LogEntry(5, bytes(100_000)),)
    large = (AppendEntries(5, 1, 0, 0, 0, seq, entries) for seq in range(60))
    many = b"".join(map(encode, large))
    ends.two.sendall(vote(5))
    ends.receive(ends.one, 13)
    sent = 0

    def is_all_sent() -> bool:
        nonlocal sent
        with contextlib.suppress(BlockingIOError):
            sent += ends.one.send(memoryview(many)[sent : sent + (1 << 20)])
        return sent == len(many)

    if not ends.world.observe(0.5, is_all_sent):
        assert len(ends.wires._ends[0].waiting) + len(ends.wires._ends[1].waiting) < 2 << 20
    got = bytearray()

    def is_all_there() -> bool:
        is_all_sent()
        with contextlib.suppress(BlockingIOError):
            got.extend(ends.two.recv(1 << 20))
        return len(got) == len(many)

    ends.world.wait(is_all_there, "all of it")
    assert bytes(got) == many


def test_what_a_node_sent_before_it_was_reset_is_seen(ends: Ends) -> None:
    ends.two.sendall(vote(5))
    ends.one.sendall(ask(5, 1))
    ends.one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    ends.one.close()
    ends.world.wait(lambda: ends.wires.are_silent(1), "the reset")
    ends.world.wait(lambda: ends.witness.messages == 2, "both messages")


def test_a_rule_that_is_broken_on_the_wires_fails_the_stage(ends: Ends) -> None:
    ends.one.sendall(heartbeat(5, 1, 1))
    with pytest.raises(StageFailure, match="a majority elects") as failure:
        ends.receive(ends.two, 36)
    assert failure.value.diagnosis is not None
    assert failure.value.diagnosis.id == "seen-a-majority-elects"


def test_who_dials_a_node_that_is_gone_is_reset(world: World) -> None:
    proxy, target = addresses(2)
    wires = Wires(world, Witness(3))
    made = Proxy(wires, 1, 2, proxy, target)
    with socket.create_connection(proxy.raft) as one:
        one.setblocking(False)

        def is_reset() -> bool:
            try:
                one.recv(1)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                return True
            return False

        world.wait(is_reset, "the reset")
    made.close()


def test_what_goes_a_way_that_is_cut_comes_late(ends: Ends) -> None:
    ends.wires.cut([(1, 2)])
    ends.one.sendall(ask(5, 1))
    ends.two.sendall(vote(5))
    assert ends.receive(ends.one, 13) == vote(5)
    assert ends.witness.messages == 1
    ends.wires.heal([(1, 2)])
    assert ends.receive(ends.two, 24) == ask(5, 1)


def test_or_it_is_lost_with_its_connection(ends: Ends) -> None:
    ends.wires.cut([(1, 2), (2, 1)])
    ends.one.sendall(ask(5, 1))
    ends.wires.heal([(1, 2), (2, 1)], loses=True)
    ends.world.wait(lambda: ends.wires.are_silent(1) and ends.wires.are_silent(2), "the end")
    assert ends.witness.messages == 1  # seen, and not passed on
    with pytest.raises(ConnectionResetError):
        ends.receive(ends.two, 24)


def test_what_a_killed_node_had_sent_a_cut_way_is_seen(ends: Ends) -> None:
    ends.wires.cut([(1, 2)])
    ends.one.sendall(ask(5, 1))
    ends.one.close()
    ends.wires.read_out(1)
    assert ends.wires.are_silent(1) and ends.witness.messages == 1


# --- addresses, and the soak ---


def test_ranks_agree_in_all_files_of_the_trio() -> None:
    def key(address: Address) -> tuple[list[int], int]:
        return [int(part) for part in address.host.split(".")], address.port

    trio = Trio.__new__(Trio)
    trio._port = 20_000
    for id in (1, 2, 3):
        own = trio._address(id)
        others = [trio._address(id, other) for other in (1, 2, 3) if other != id]
        assert sorted([own, *others], key=key).index(own) == id - 1
        for place, other in enumerate(sorted([own, *others], key=key), 1):
            assert other.host.split(".")[2] == str(40 + place)
        assert file_of(own, others).splitlines()[0] == f"follower_info {own}".encode()


def test_ports_of_one_cluster_never_meet() -> None:
    ports = [one.port for one in addresses(9)]
    assert ports == sorted(ports)
    assert len({port for one in ports for port in (one, one - 1000)}) == 18


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "2000000"])
def test_numbers_of_the_soak_are_checked(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("KILLS", text)
    with pytest.raises(UsageError, match="KILLS"):
        common.number("KILLS", "kills")


def test_the_soak_says_what_came_of_it() -> None:
    done = elections.Soak(3, 5, 1234, 2.0, [0.2, 0.3, 0.9])
    assert "3 kills in 2.0 s, 5 terms, 1,234 messages" in done.summary()
    assert "300 ms in the median, 900 ms at the longest" in done.summary()
    assert "without a leader" not in elections.Soak().summary()


def soak(out: Path, work: Path | str, **variables: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "grader.soak"],
        cwd=ROOT,
        env=grader_environment(out, WORK=work, **variables),
        capture_output=True,
        text=True,
        timeout=GRADER_SECONDS,
    )


def test_a_store_passes_its_soak(tmp_path: Path) -> None:
    done = soak(tmp_path, "solutions", DURATION=4, SEED=3)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASS: ")


def test_one_that_says_ok_too_early_does_not(tmp_path: Path) -> None:
    """A seed, a drawing, and two files are left of it."""
    broken = next(one for one in broken_programs("6") if one.id == "kvraft-ok-when-proposed")
    done = soak(tmp_path / "out", broken.make(tmp_path / "work"), DURATION=120, SEED=3)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL, with SEED=3" in done.stdout
    assert "has no place" in done.stdout or "some rounds ago" in done.stdout
    assert (tmp_path / "out" / "traces" / "soak.jsonl").stat().st_size > 1000
    assert "A run of 3 servers" in (tmp_path / "out" / "traces" / "soak.html").read_text()


@pytest.mark.parametrize("variables", [{"LAB": 4}, {"N": 4}, {"DURATION": "x"}])
def test_a_soak_that_is_called_wrong(tmp_path: Path, variables: dict[str, object]) -> None:
    done = soak(tmp_path, "solutions", **variables)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
