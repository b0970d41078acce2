"""The store of lab 3 with clients that others wrote: redis-cli, redis-benchmark and redis-py."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest

from grader.selftest.harness import ROOT, grader_environment, require
from grader.selftest.redis_py import SECONDS, ask_as_redis_py

PROMPT = re.compile(rb"127\.0\.0\.1:\d+> ")


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """Where `make run3` listens: as a reader starts it, and reaches it from another terminal."""
    words = ["make", "-s", f"VENV={ROOT / '.venv'}", "run3", "ARGS=--resp2 --port 0"]
    environment = grader_environment(ROOT / "out", WORK="solutions")
    with subprocess.Popen(
        words,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        found = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
        try:
            assert found is not None, line + ("" if found else server.stdout.read())
            yield found[1]
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def run(*words: str, stdin: bytes = b"") -> bytes:
    require("redis", shutil.which(words[0]) is not None)
    done = subprocess.run(words, input=stdin, capture_output=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_redis_cli_with_one_command(port: str) -> None:
    assert run("redis-cli", "-p", port, "SET", "one", "a b") == b"OK\n"
    assert run("redis-cli", "-p", port, "GET", "one") == b"a b\n"
    assert run("redis-cli", "-3", "-p", port, "GET", "one") == b"a b\n"
    assert run("redis-cli", "-p", port, "DEL", "one", "none") == b"1\n"
    assert run("redis-cli", "-p", port, "GET", "one") == b"\n"
    assert run("redis-cli", "-p", port, "NONSENSE").startswith(b"ERR ")


def test_redis_cli_piped(port: str) -> None:
    said = run("redis-cli", "-p", port, stdin=b'SET p "x\\x00y"\nGET p\nDEL p\nGET p\n')
    assert said == b"OK\nx\0y\n1\n\n"
    commands = b"".join(b"SET bulk:%d %d\r\n" % (number, number) for number in range(1000))
    assert b"errors: 0, replies: 1000" in run("redis-cli", "-p", port, "--pipe", stdin=commands)
    assert run("redis-cli", "-p", port, "GET", "bulk:999") == b"999\n"


def _until_prompt(terminal: int) -> bytes:
    came = b""
    while not PROMPT.search(came):
        came += os.read(terminal, 4096)
    return came


def test_redis_cli_in_a_terminal(port: str) -> None:
    """It asks for COMMAND DOCS when it starts, and formats replies by their types."""
    tool = shutil.which("redis-cli")
    require("redis", tool is not None)
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="dumb", REDISCLI_HISTFILE="/dev/null")
        os.execvp("redis-cli", ["redis-cli", "-p", port])
    try:
        _until_prompt(terminal)
        for line, shown in (
            (b"SET t hello", b"OK"),
            (b"GET t", b'"hello"'),
            (b"DEL t", b"(integer) 1"),
            (b"GET t", b"(nil)"),
            (b"GET", b"(error) ERR "),
        ):
            os.write(terminal, line + b"\n")
            assert b"\n" + shown in _until_prompt(terminal)
        os.write(terminal, b"exit\n")
        assert os.waitpid(child, 0)[1] == 0
    finally:
        os.close(terminal)


def test_redis_benchmark(port: str) -> None:
    words = ["-p", port, "-t", "set,get", "-P", "16", "-n", "20000", "-r", "1000", "-q", "--csv"]
    rows = run("redis-benchmark", *words).decode().splitlines()
    assert [row.split(",")[0] for row in rows[-2:]] == ['"SET"', '"GET"']


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py(port: str, protocol: int) -> None:
    ask_as_redis_py(int(port), protocol)
