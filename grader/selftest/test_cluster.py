"""``make cluster``: driven in a terminal of its own, as a person would; and what it records."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader.cluster.__main__ import nodes_wanted
from grader.cluster.nodes import base_port
from grader.cluster.recording import Recording
from grader.cluster_client import read_nodes
from grader.errors import UsageError
from grader.run import procinfo
from grader.selftest.harness import GRADER_SECONDS, ROOT, grader_environment
from grader.sim import page, story, trace
from grader.sim.server import CANDIDATE, FOLLOWER, LEADER
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    RequestVote,
    RequestVoteReply,
)
from grader.wire.resp import ReplyDecoder, Simple, encode_request

_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Screen:
    """A terminal with the program in it."""

    def __init__(self, out: Path, **variables: object) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        self._terminal, self.shown = ours, b""
        environment = grader_environment(out, WORK="solutions", TERM="xterm", **variables)
        environment.pop("COLUMNS", None)
        self.program = subprocess.Popen(
            [sys.executable, "-m", "grader.cluster"],
            cwd=ROOT,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def types(self, keys: str) -> None:
        self.shown = b""
        os.write(self._terminal, keys.encode())

    def _look(self) -> None:
        if select.select([self._terminal], [], [], 0.05)[0]:
            try:
                data = os.read(self._terminal, 1 << 16)
            except OSError:  # nobody has the other end any more
                time.sleep(0.01)
                return
            self.shown += data

    def wait(self, ready: Callable[[], object], what: str) -> None:
        end = time.monotonic() + GRADER_SECONDS
        while not ready():
            assert time.monotonic() < end, f"{what}: {self.text()[-3000:]}"
            self._look()

    def text(self) -> str:
        return _CONTROL.sub(b"", self.shown).decode(errors="replace")

    def wait_text(self, pattern: str) -> re.Match[str]:
        self.wait(lambda: re.search(pattern, self.text()), pattern)
        found = re.search(pattern, self.text())
        assert found is not None
        return found

    def close(self) -> None:
        if self.program.poll() is None:
            os.killpg(self.program.pid, signal.SIGKILL)
            self.program.wait()
        os.close(self._terminal)


@contextmanager
def screen(out: Path, **variables: object) -> Iterator[Screen]:
    made = Screen(out, **variables)
    try:
        yield made
    finally:
        made.close()


def ask(ports: dict[int, int], node: int, *words: bytes) -> object:
    """The reply, from whoever leads."""
    end = time.monotonic() + GRADER_SECONDS
    while time.monotonic() < end:
        reply = _ask(ports[node], words)
        moved = isinstance(reply, Simple) and reply.text.startswith(b"MOVED ")
        if reply is not None and not moved and reply != Simple(b"TRYAGAIN"):
            return reply
        if moved:
            assert isinstance(reply, Simple)
            node = int(reply.text[6:])
        else:
            node = node % len(ports) + 1
            time.sleep(0.02)
    raise AssertionError(f"nobody answers {words!r}")


def _ask(port: int, words: tuple[bytes, ...]) -> object:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as made:
            made.sendall(encode_request(words))
            decoder = ReplyDecoder()
            while data := made.recv(1 << 16):
                if replies := decoder.feed(data):
                    return replies[0]
    except OSError:
        pass
    return None


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that the node is built once."""
    return tmp_path_factory.mktemp("cluster")


def test_a_person_watches_and_disturbs_a_cluster(out: Path) -> None:
    with screen(out) as made:
        listed = made.wait_text(r"clients: (node 1 at \d+, node 2 at \d+, node 3 at \d+)")[1]
        ports = {int(id): int(port) for id, port in re.findall(r"node (\d) at (\d+)", listed)}
        leader = int(made.wait_text(r"node (\d) leads in term")[1])
        assert f"redis-cli -p {ports[1]}" in made.text()
        assert ask(ports, 1, b"SET", b"x", b"1") == Simple(b"OK")
        assert read_nodes(out / "cluster" / "1.config") == [("127.0.0.1", ports[n]) for n in ports]
        processes = procinfo.tree(made.program.pid)
        made.types(f"k{leader}")
        made.wait_text(f"node {leader} is killed")
        other = int(made.wait_text(rf"node ((?!{leader})\d) leads in term")[1])
        assert other != leader
        assert ask(ports, 1, b"GET", b"x") == [b"1"]
        made.types(f"r{leader}")
        made.wait_text(f"node {leader} runs again")
        made.types(f"c{other}")
        made.wait_text(rf"node ((?!{other})\d) leads in term")
        made.types(f"h{other}")
        made.wait_text(f"node {other} is connected")
        made.types("p1")
        made.wait_text("node 1 is paused")
        made.types("p1")
        made.wait_text("node 1 goes on")
        processes += procinfo.tree(made.program.pid)
        made.types("q")
        made.wait(lambda: made.program.poll() is not None, "the end")
        assert made.program.returncode == 0
        made.wait(lambda: not any(map(_runs, processes)), "the end of all processes")
    written = (out / "traces" / "cluster.html").read_text()
    assert "A run of 3 servers" in written
    assert trace.read(out / "traces" / "cluster.jsonl").recorded().events > 10


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and procinfo.state(pid) != "Z"


def test_without_a_terminal_it_takes_lines_and_prints_lines(out: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "grader.cluster"],
        cwd=ROOT,
        env=grader_environment(out, WORK="solutions", N=1, ARGS="--resp2"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdin is not None and program.stdout is not None
    port = int(re.findall(r"node 1 at (\d+)", program.stdout.readline())[0])
    assert ask({1: port}, 1, b"SET", b"x", b"1") == Simple(b"OK")
    program.stdin.write("k1\n")
    program.stdin.flush()
    lines = iter(program.stdout.readline, "")
    assert any("node 1 is killed" in line for line in lines)
    program.stdin.close()
    assert program.wait(GRADER_SECONDS) == 0
    program.stdout.close()


@pytest.mark.parametrize("text", ["0", "10", "x", "-1"])
def test_the_number_of_nodes_is_checked(text: str) -> None:
    with pytest.raises(UsageError, match="N="):
        nodes_wanted(text)
    assert nodes_wanted("") == 3 and nodes_wanted("5") == 5


def test_ports_are_easy_to_type() -> None:
    assert base_port(3) % 100 == 0


def test_what_messages_say_of_their_sender() -> None:
    recording = Recording(3)
    for node in (1, 2, 3):
        recording.started(0, node)
    recording.passed(200, 1, 2, RequestVote(1, 1, 0, 0))
    assert recording.seen[1].role == CANDIDATE and recording.seen[1].vote == 1
    recording.passed(201, 2, 1, RequestVoteReply(1, 1))
    recording.passed(202, 1, 2, AppendEntries(1, 1, 0, 0, 0, 1, (LogEntry(1, b""),)))
    recording.passed(203, 2, 1, AppendEntriesReply(1, 2, 1, 1, 0, 1))
    recording.passed(204, 1, 2, AppendEntries(1, 1, 1, 1, 1, 2, ()))
    one, two = recording.seen[1], recording.seen[2]
    assert (one.role, one.last_index, one.commit) == (LEADER, 1, 1)
    assert (two.role, two.term, two.vote, two.leader, two.last_index) == (FOLLOWER, 1, 1, 1, 1)
    recording.ended(300, 1)
    recording.passed(500, 2, 3, RequestVote(2, 2, 1, 1))
    recording.passed(500, 2, 1, RequestVote(2, 2, 1, 1))
    told = story.tell(recording.run())
    assert [len(one.received) for one in told.sent] == [1] * 6 + [0]
    assert [step.tag for step in told.steps if step.server == 1][-1] == "crash"
    assert "A run of 3 servers" in page.render(recording.run())


def test_a_long_recording_keeps_its_end_only() -> None:
    recording = Recording(3)
    for at in range(0, 100_000, 10):
        recording.passed(at, 1, 2, AppendEntries(1, 1, 0, 0, 0, at, ()))
        recording.passed(at + 1, 2, 1, AppendEntriesReply(1, 2, 0, 1, 0, at))
    run = recording.run()
    assert 1000 < run.events <= 2003
    assert run.inputs[-1][2] == 99_991
    assert all(one.received for one in story.tell(run).sent[:-1])
