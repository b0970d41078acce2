"""The benchmark's own parts: a load generator that sees what a server does wrong, peers that do
right, a result file of the promised form, and plots that repeat.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest

from grader import load
from grader.bench import make_row, options
from grader.errors import UsageError
from grader.labs.lab2 import plots
from grader.labs.lab2.bench_rows import ONE, Measured, Setting, rows_of
from grader.load import Figures, Load, LoadFailed
from grader.run import build
from grader.run.world import World
from grader.selftest.harness import ROOT, grader_environment, require

# Echoes to one client after another, until one of them must be wronged: b is what came.
SERVER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
seen = 0
while True:
    connection, _ = listener.accept()
    try:
        while b := connection.recv(65536):
            seen += len(b)
            late = seen > 4000
            WRONG
            connection.sendall(b)
    except ConnectionResetError:  # as the generator ends it
        pass
"""

# What it does from the 4000th byte on, and what the generator says.
BUGS = {
    "corrupts": ("if late: b = b[:-1] + bytes([b[-1] ^ 1])", "a wrong byte came back"),
    "reorders": ("if late: b = b[32:] + b[:32]", "a wrong byte came back"),
    "repeats": ("if late: b = b + b", "more came back than was sent"),
    "drops": ("if late: b = b[1:]", "a wrong byte came back"),
    "mixes": ("if late: b = b[:8] + b[:8] + b[16:]", "a wrong byte came back"),
    "closes": ("if late: connection.close(); break", "the server closed it"),
    "resets": (
        "if late: connection.setsockopt(1, 13, b'\\x01' + bytes(7)); connection.close(); break",
        "reset by peer",
    ),
}


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = load.compiled(load.LOAD, tmp_path_factory.mktemp("build"), build.compiler())
    assert program is not None
    return program


@contextmanager
def server(wrong: str = "pass") -> Iterator[int]:
    """The port of a server of its own, which does ``wrong`` to what it echoes."""
    text = SERVER.replace("WRONG", wrong)
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def run(generator: Path, port: int, **more: float) -> Figures:
    world = World(60)
    try:
        return Load(generator, world).run(port, None, **{"seconds": 0.05, "warmup": 0.0, **more})
    finally:
        world.close()


@pytest.mark.parametrize(("wrong", "says"), BUGS.values(), ids=BUGS)
def test_the_generator_sees_a_wrong_server(generator: Path, wrong: str, says: str) -> None:
    with server(wrong) as port, pytest.raises(LoadFailed, match=says):
        run(generator, port, seconds=30)  # it ends as soon as it sees that


def test_the_generator_sees_a_stall(generator: Path) -> None:
    """The last byte of a request is held back: nothing more comes."""
    with server("b = b[:-1] if late else b") as port:
        command = [str(generator), f"--port={port}", "--stall=0.2"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "nothing came back" in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_generator_counts(generator: Path) -> None:
    with server() as port:
        figures = run(generator, port, depth=4, size=100, pid=os.getpid())
    assert figures.requests > 0 and figures.errors == 0
    assert figures.requests_per_s == pytest.approx(figures.requests / figures.seconds, rel=0.01)
    assert 0 < figures.p50_us <= figures.p99_us < figures.seconds * 1e6
    assert 0 < figures.cpu_s <= figures.seconds * 1.1
    assert 0 <= figures.server_cpu_s < figures.seconds * 1.1


@pytest.mark.parametrize(
    "word", ["--port=0", "--port=x", "--depth=0", "--size=", "--seconds=-1", "--nonsense", "more"]
)
def test_the_generator_knows_its_options(generator: Path, word: str) -> None:
    command = [str(generator), "--port=1", word]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("usage: load --port N")


@pytest.mark.parametrize(
    "source", [load.BARE, load.LIBEVENT, load.LIBUV], ids=lambda source: source.name
)
def test_a_peer_echoes_all_and_then_ends(
    generator: Path, tmp_path: Path, source: load.Source
) -> None:
    """Many bytes to a client that is half closed, and a load on several connections."""
    program = load.compiled(source, tmp_path, build.compiler())
    require(source.name.partition("_")[0], program is not None)
    assert program is not None
    with subprocess.Popen([str(program)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(b":")[2])
        sent = bytes(range(251)) * 400
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            with client.makefile("rb") as stream:
                assert stream.read() == sent
        assert run(generator, port, connections=20, depth=3, idle=20).requests > 0
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)


def test_rows_compare_pair_by_pair() -> None:
    faster = make_row("x", "1/s", [(2.0, 1.0), (30.0, 10.0), (8.0, 4.0)], "y", goal=2.0)
    assert (faster.ours, faster.peer, faster.ratio, faster.met) == (8.0, 4.0, 2.0, True)
    smaller = make_row("x", "us", [(2.0, 1.0)], "y", goal=1.0, less_is_better=True)
    assert (smaller.ratio, smaller.met) == (0.5, False)


def test_what_others_had_of_the_core_is_left_out() -> None:
    figures = Figures(1000.0, 1.0, 1.0, 1000, 1.0, 0.2, 0.2, 0.1, 0)
    assert figures.on_one_core().requests_per_s == pytest.approx(2000.0)
    assert figures.core_s == pytest.approx(0.5)


def test_options_of_the_benchmark() -> None:
    assert options("--quick --handout") == {"quick": True, "handout": True}
    with pytest.raises(UsageError, match="ARGS=--slow"):
        options("--slow")


def found() -> Measured:
    def figures(speed: float) -> Figures:
        cpu_s = 0.005 / speed
        return Figures(1e5 * speed, 10 / speed, 20 / speed, 1000, 2 * cpu_s, cpu_s, cpu_s, 0.0, 0)

    one = {"epoll": figures(2), "select": figures(1), "libevent": figures(1.5)}
    echoes = {Setting(ONE, count, depth): [one] * 3 for count in (1, 50) for depth in (1, 16)}
    idle = {Setting(ONE, 100, 1, count): [one] for count in (0, 900)}
    idle[Setting(ONE, 100, 1, 10_000)] = [{"epoll": figures(2)}]
    memory = {"epoll": 300.0, "libevent": 900.0}
    return Measured(echoes, idle, memory, (Setting(ONE, 50, 1), [one]))


def test_the_rows_of_lab_2() -> None:
    rows = {(row.name, row.peer_name): row for row in rows_of(found())}
    goal = rows["goal: echoes, 50 connections, depth 1, one core", "libevent"]
    assert (goal.ratio, goal.goal, goal.met) == (1.333, 1.15, True)
    memory = rows["memory of an idle connection", "the bound"]
    assert (memory.ours, memory.peer, memory.met) == (300.0, 8192.0, True)
    most = rows[
        "idle: echoes, 100 connections among 10,000 idle, depth 1, one core", "select among 900"
    ]
    assert most.ratio == 2.0
    assert rows["p99, 1 connection, depth 1, one core", "libevent"].ratio == pytest.approx(
        4 / 3, 1e-3
    )


def test_plots_repeat_and_say_what_they_show() -> None:
    require("matplotlib", plots.available())
    for figure in plots.figures(found().echoes, found().idle):
        text = plots.svg(figure)
        assert text == plots.svg(figure)
        root = ElementTree.fromstring(text)
        names = [child.tag.rpartition("}")[2] for child in root]
        assert names[:2] == ["title", "desc"] and "#ffffff" in text


def test_a_short_run_writes_the_promised_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "grader" / "__main__.py"), "bench", "2"],
        env=grader_environment(tmp_path, WORK="solutions", ARGS="--quick"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "bench-lab2.json").read_text())
    promised = {"name", "unit", "ours", "peer", "peer_name", "ratio", "goal", "met"}
    assert rows and all(set(row) == promised for row in rows)
    assert all(row["met"] is (row["ratio"] >= row["goal"]) for row in rows if row["goal"])
    assert all(row["met"] is None for row in rows if row["goal"] is None)
    assert {"select", "bare epoll", "the bound"} <= {row["peer_name"] for row in rows}
