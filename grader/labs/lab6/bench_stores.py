"""The two clusters of three that ``make bench LAB=6`` compares: the student's kvraft, and etcd.

Both are as their defaults have it but for the timeouts, which are etcd's in both: a machine that is
busy for a while changes no leader. Their files are in the grader's runtime folder.
"""

from __future__ import annotations

import http.client
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.errors import MachineError
from grader.labs.lab5.node import Home, addresses, file_of
from grader.labs.server import Server
from grader.labs.stage import Attempt
from grader.report import escape
from grader.run.orphans import die_with_parent
from grader.run.ports import free_port
from grader.run.sandbox import Limits
from grader.verdicts import fail
from grader.wire.resp import encode_request

KVRAFT, ETCD = "kvraft", "etcd"
ETCD_PACKAGE = "etcd-server"
_TIMES = ("--election-timeout", "1000-2000", "--heartbeat", "100")
_LIMITS = Limits(file_bytes=1 << 34, cpu_seconds=7200)
_PAUSE_S, _PATIENCE_S = 0.05, 60.0
_SET = encode_request([b"SET", b"bench:key", b"bench:value"])
_LEADS = re.compile(rb"^etcd_server_is_leader 1$", re.MULTILINE)


@dataclass(frozen=True)
class Store:
    """A cluster that runs: what set_load calls its protocol, the port where clients come to its
    leader, and the processes of all.
    """

    name: str
    protocol: str
    port: int
    pids: tuple[int, ...]

    def blame(self, words: str) -> None:
        """Ends the benchmark: it did wrong."""
        if self.name == KVRAFT:
            fail(f"kvraft: {words}")
        raise MachineError(f"{self.name}: {words}")


def _until(attempt: Attempt, find: Callable[[], int]) -> int:
    """The port that ``find`` finds, as soon as it is not 0; 0 if it stays so."""
    end, port = time.monotonic() + _PATIENCE_S, find()
    while port == 0 and time.monotonic() < end:
        attempt.world.observe(_PAUSE_S, lambda: False)
        port = find()
    return port


# --- kvraft ---


def _takes_sets(port: int) -> bool:
    """Whether this node leads."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(_SET)
        return client.recv(64).startswith(b"+OK")


@contextmanager
def kvraft(attempt: Attempt, *options: str) -> Iterator[Store]:
    """Three nodes. They end with the attempt."""
    own = addresses(3)
    servers: list[Server] = []
    for one in own:
        home = Home(attempt, one, file_of(one, [other for other in own if other != one]))
        servers.append(
            Server(
                attempt,
                "kvraft",
                *home.arguments(),
                *_TIMES,
                *options,
                build="plain",
                name=f"kvraft at {one}",
                readable=home.readable,
                writable=home.folder,
                limits=_LIMITS,
            )
        )

    def find() -> int:
        return next((one.port for one in own if _takes_sets(one.port)), 0)

    port = _until(attempt, find)
    if port == 0:
        fail(f"no node of three takes a SET within {_PATIENCE_S:g} s")
    yield Store(KVRAFT, "resp", port, tuple(server.program.pid for server in servers))


# --- etcd ---


def etcd_program() -> str | None:
    """Its file, if it is installed."""
    return shutil.which("etcd")


@contextmanager
def _etcd_node(program: str, name: str, urls: dict[str, str], port: int, *options: str,
               folder: Path) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    clients = f"http://127.0.0.1:{port}"
    words = {
        "name": name,
        "data-dir": str(folder / name),
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": urls[name],
        "initial-advertise-peer-urls": urls[name],
        "initial-cluster": ",".join(f"{name}={url}" for name, url in urls.items()),
        "logger": "zap",
        "log-level": "error",
    }
    with open(folder / f"{name}.log", "wb") as log, subprocess.Popen(
        [program, *(f"--{option}={value}" for option, value in words.items()), *options],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        preexec_fn=die_with_parent,
        start_new_session=True,  # as each node of ours: the scheduler shares out by sessions
        cwd="/",
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def _leads(port: int) -> bool:
    """Whether this etcd leads, as its metrics say."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return _LEADS.search(connection.getresponse().read()) is not None
    except OSError:
        return False  # it does not listen yet
    finally:
        connection.close()


@contextmanager
def etcd(attempt: Attempt, *options: str) -> Iterator[Store]:
    """Three of them, which end with the context. Raises MachineError where that fails."""
    program = etcd_program()
    assert program is not None
    ports: list[int] = []
    while len(ports) < 6:
        ports.append(free_port(frozenset(ports)))
    folder = Path(tempfile.mkdtemp(prefix="etcd-", dir=attempt.sandbox.folder))
    urls = {f"node-{i}": f"http://127.0.0.1:{ports[3 + i]}" for i in range(3)}
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        nodes = [
            stack.enter_context(_etcd_node(program, name, urls, port, *options, folder=folder))
            for name, port in zip(urls, ports[:3], strict=True)
        ]

        def find() -> int:
            if any(node.poll() is not None for node in nodes):
                return -1
            return next((port for port in ports[:3] if _leads(port)), 0)

        port = _until(attempt, find)
        if port <= 0:
            said = b"".join((folder / f"{name}.log").read_bytes() for name in urls)
            raise MachineError(f"etcd has no leader: {escape.one_line(said[-300:], 300)}")
        yield Store(ETCD, "etcd", port, tuple(node.pid for node in nodes))
