"""The load of SETs that lab 6's benchmark puts on clusters: it asks as it should, and sees a reply
that is no success.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader import load
from grader.run import build

# One client of a store, which gets the ANSWER to each of its requests.
SERVER = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
stream = connection.makefile("rb")

def frame(type, flags, number, payload=b""):
    numbers = (len(payload), 3), (type, 1), (flags, 1), (number, 4)
    return b"".join(n.to_bytes(size, "big") for n, size in numbers) + payload

def resp():
    while stream.readline() == b"*3\\r\\n":
        words = [stream.read(int(stream.readline()[1:]) + 2) for _ in range(3)]
        assert words[0] == b"SET\\r\\n" and words[1].startswith(b"key:")
        yield 0

def etcd():
    assert stream.read(24) == b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n"
    connection.sendall(frame(4, 0, 0))
    while header := stream.read(9):
        size, number = (int.from_bytes(part, "big") for part in (header[:3], header[5:]))
        payload = stream.read(size)
        if header[3] == 1:
            table = b"\\x83\\x86" + (b"\\xc1\\xc0\\xbf\\xbe" if number > 1 else b"")
            assert payload.startswith(table) and number % 2 == 1
        if header[3] == 0:
            assert payload[:11] == b"\\0\\0\\0\\0\\x34\\x0a\\x10key:"
            yield number

HEADERS = b"\\x88"
for number in PROTOCOL():
    connection.sendall(ANSWER)
"""

DONE = (
    "frame(6, 0, 0, b'eightlen') + frame(1, 4, number, HEADERS)"
    " + frame(0, 0, number, bytes(200)) + frame(1, 5, number, HEADERS)"
)
WRONG = {
    "MOVED": ("resp", "b'+MOVED 2\\r\\n'", "a SET was answered by +MOVED 2"),
    "refused": ("etcd", "frame(1, 5, number, HEADERS)", "etcd refuses a Put"),
    "reset": ("etcd", "frame(3, 0, number, bytes(4))", "etcd gave a request up"),
    "away": ("etcd", "frame(7, 0, 0, bytes(8))", "etcd ends the connection"),
}


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = load.compiled(load.SET_LOAD, tmp_path_factory.mktemp("build"), build.compiler())
    assert program is not None
    return program


@contextmanager
def store(protocol: str, answer: str) -> Iterator[str]:
    """The port of a store."""
    text = SERVER.replace("PROTOCOL", protocol).replace("ANSWER", answer)
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.kill()


def run(generator: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(generator), *words], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(("protocol", "answer"), [("resp", "b'+OK\\r\\n'"), ("etcd", DONE)])
def test_it_counts_what_is_done(generator: Path, protocol: str, answer: str) -> None:
    """Several replies of etcd's are more than it may send before it is given room for more."""
    with store(protocol, answer) as port:
        done = run(generator, protocol, port, "1", "0.2", "0.02")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["requests"] > 0 and 0 < figures["p50_us"] <= figures["p99_us"]
    assert figures["cpu_s"] > 0 and figures["servers_cpu_s"] == 0


@pytest.mark.parametrize(("protocol", "answer", "says"), WRONG.values(), ids=WRONG)
def test_it_sees_what_is_not_done(generator: Path, protocol: str, answer: str, says: str) -> None:
    with store(protocol, answer) as port:
        done = run(generator, protocol, port, "1", "0.2", "0.02")
    assert (done.returncode, done.stderr) == (1, f"set_load: {says}\n")


@pytest.mark.parametrize("words", [(), ("redis", "1", "1", "1", "1"), ("resp", "0", "1", "1", "1")])
def test_it_knows_its_arguments(generator: Path, words: tuple[str, ...]) -> None:
    done = run(generator, *words)
    assert done.returncode == 2 and done.stderr.startswith("usage: set_load resp|etcd PORT")
