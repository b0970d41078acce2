"""A cluster of the reference's kvraft with clients: the project's own, and those of Redis."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.cluster_client import Address, ClusterClient, NoLeader, OutcomeUnknown, read_nodes, show
from grader.errors import UsageError
from grader.run.ports import free_port
from grader.selftest.harness import ROOT, grader_environment, require
from grader.selftest.redis_py import SECONDS, ask_as_redis_py
from grader.wire.resp import Failure, ProtocolError, Reply, Simple

BUILD_SECONDS = 300
PATIENT = ("--election-timeout", "500-1000")  # a leader stays, however busy the machine is
OK = Simple(b"OK")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference's node, by the labs' own rules, without sanitizers: built once for all of
    pytest's workers.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with (shared / "kvraft.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _built(shared / "kvraft")


def _built(tree: Path) -> Path:
    if not tree.exists():
        tree.mkdir()
        for name in ("include", "host", "lab.mk"):
            (tree / name).symlink_to(ROOT / "labs" / name)
        for folder in (ROOT / "solutions").iterdir():
            (tree / folder.name).symlink_to(folder)
    command = ["make", "-s", "-j2", "-f", "lab.mk", "BUILD=plain", "plain/kvraft"]
    subprocess.run(command, cwd=tree, check=True, timeout=BUILD_SECONDS)
    return tree / "plain" / "kvraft"


@dataclass
class Cluster:
    """Three nodes, by id from 1, in ascending order of ports."""

    program: Path
    folder: Path
    options: Sequence[str]
    nodes: list[Address]
    running: dict[int, subprocess.Popen[str]]

    def config(self, node: int) -> Path:
        return self.folder / "cluster" / f"{node}.config"

    def start(self, node: int) -> None:
        own = [self.nodes[node - 1], *(other for other in self.nodes)]
        lines = [f"follower_info {host}:{port}\n" for host, port in dict.fromkeys(own)]
        self.config(node).parent.mkdir(exist_ok=True)
        self.config(node).write_text("".join(lines))
        options = [*PATIENT, *self.options]
        command = [str(self.program), "--config", str(self.config(node)), *options]
        server = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        self.running[node] = server
        assert server.stdout is not None
        assert server.stdout.readline() == f"listening on 127.0.0.1:{self.nodes[node - 1][1]}\n"

    def leader(self) -> int:
        """Its id, once it is known by all."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            answers = [ask(address, b"GET", b"none") for address in self.nodes]
            led = {answer.text for answer in answers if isinstance(answer, Simple)}
            leads = [node for node, answer in enumerate(answers, 1) if answer in (None, [b"nil"])]
            if leads and led == {b"MOVED %d" % leads[0]}:
                return leads[0]
        raise AssertionError(f"nobody leads: {answers}")


def ask(address: Address, *words: bytes) -> Reply:
    """What one node answers, or False where it does not."""
    client = ClusterClient([address], 0)
    try:
        return client.ask(words)
    except OSError:
        return False
    finally:
        client.close()


@contextlib.contextmanager
def running(program: Path, folder: Path, *options: str) -> Iterator[Cluster]:
    ports: list[int] = []
    for _ in range(3):
        ports.append(free_port(frozenset(ports)))
    nodes = [("127.0.0.1", port) for port in sorted(ports)]
    cluster = Cluster(program, folder, options, nodes, {})
    try:
        for node in (1, 2, 3):
            cluster.start(node)
        yield cluster
    finally:
        for server in cluster.running.values():
            server.kill()
            server.communicate()


@pytest.fixture(scope="module")
def simple(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(program, tmp_path_factory.mktemp("simple")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def resp2(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(program, tmp_path_factory.mktemp("resp2"), "--resp2") as cluster:
        yield cluster


# --- the project's own client ---


def make_client(cluster: Cluster, args: str, **variables: object) -> tuple[int, str, str]:
    environment = grader_environment(cluster.folder, ARGS=args, **variables)
    words = ["make", "-s", f"VENV={ROOT / '.venv'}", "client"]
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    return done.returncode, done.stdout, done.stderr


def test_make_client(simple: Cluster) -> None:
    """OUT has a cluster's files; CONFIG names any node's."""
    assert make_client(simple, 'SET make "a value" word') == (0, "OK\n", "")
    for node in (1, 2, 3):
        done = make_client(simple, "GET make", CONFIG=simple.config(node))
        assert done == (0, '1) "a value"\n2) "word"\n', "")
    assert make_client(simple, "DEL make none") == (0, "(integer) 1\n", "")
    status, said, _ = make_client(simple, "NONSENSE")
    assert status != 0 and said == "(error) ERROR\n"


def test_make_client_without_a_command_or_a_cluster(simple: Cluster) -> None:
    status, said, complaint = make_client(simple, "")
    assert status != 0 and said == "" and "usage: make client" in complaint
    status, said, complaint = make_client(simple, "GET k", CONFIG=simple.folder / "none")
    assert status != 0 and said == "" and f"CONFIG={simple.folder / 'none'}: " in complaint


def test_it_goes_where_it_is_sent(simple: Cluster) -> None:
    client = ClusterClient(simple.nodes)
    for number in range(100):
        assert client.execute(b"SET", b"k%d" % number, b"") == OK
    assert client.execute(b"GET", b"k99") == [b""]
    assert client.execute(b"get") == Failure(b"ERROR")
    client.close()
    assert client.execute(b"DEL", b"k1", b"k1", b"k2") == 2
    client.close()


@pytest.mark.parametrize("id", [b"0", b"2", b"x", b"", b"9" * 5000])
def test_it_goes_to_no_node_that_is_not_there(id: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor() as pool:
        client = ClusterClient([listening.getsockname()])
        asked = pool.submit(client.execute, b"GET", b"k")
        with listening.accept()[0] as node:
            node.sendall(b"+MOVED %b\r\n" % id)
            with pytest.raises(ProtocolError, match="no id of these 1 nodes"):
                asked.result()
        client.close()


def test_it_finds_the_next_leader(program: Path, tmp_path: Path) -> None:
    with (
        running(program, tmp_path) as cluster,
        contextlib.closing(ClusterClient(cluster.nodes)) as client,
    ):
        assert client.execute(b"SET", b"k", b"kept") == OK
        leader = cluster.leader()
        cluster.running[leader].kill()
        cluster.running[leader].communicate()
        assert client.execute(b"GET", b"k") == [b"kept"]
        cluster.start(leader)
        assert client.execute(b"DEL", b"k") == 1
        leader = cluster.leader()
        for node in {1, 2, 3} - {leader}:
            cluster.running[node].send_signal(signal.SIGSTOP)
        with pytest.raises(OutcomeUnknown):
            client.execute(b"SET", b"k", b"maybe")
        with contextlib.closing(ClusterClient(cluster.nodes, 1)) as reader, pytest.raises(NoLeader):
            reader.execute(b"GET", b"k")


def test_reads_without_entries(program: Path, tmp_path: Path) -> None:
    with (
        running(program, tmp_path, "--read-index") as cluster,
        contextlib.closing(ClusterClient(cluster.nodes)) as client,
    ):
        assert client.execute(b"SET", b"k", b"v") == OK
        logs = list(tmp_path.glob("raft-*/log"))
        before = [log.stat().st_size for log in logs]
        assert [client.execute(b"GET", b"k") for _ in range(100)] == [[b"v"]] * 100
        assert len(logs) == 3 and [log.stat().st_size for log in logs] == before
        assert client.execute(b"DEL", b"k") == 1
        assert client.execute(b"GET", b"k") == [b"nil"]


def test_ids_are_ranks(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "! ids\n\nfollower_info 127.0.0.10:7000 \r\nfollower_info 127.0.0.9:20000\n"
        "# more\nfollower_info 127.0.0.9:7001"
    )
    assert read_nodes(config) == [
        ("127.0.0.9", 7001),
        ("127.0.0.9", 20000),
        ("127.0.0.10", 7000),
    ]
    for text in ("", "follower_info 127.0.0.1", "follower_info localhost:7001"):
        config.write_text(text)
        with pytest.raises(UsageError):
            read_nodes(config)


def test_replies_are_shown_as_redis_cli_shows_them() -> None:
    assert show(None) == "(nil)"
    assert show(b'a"\n\xff') == '"a\\"\\n\\xff"'
    assert show([1, [b"x", []], None]) == (
        '1) (integer) 1\n2) 1) "x"\n   2) (empty array)\n3) (nil)'
    )


# --- those of Redis ---


def redis_tool(cluster: Cluster, tool: str, node: int, *words: str, stdin: bytes = b"") -> bytes:
    require("redis", shutil.which(tool) is not None)
    command = (tool, "-p", str(cluster.nodes[node - 1][1]), *words)
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_redis_cli(resp2: Cluster) -> None:
    leader = resp2.leader()
    for node in (1, 2, 3):
        said = redis_tool(resp2, "redis-cli", node, "SET", "cli", "a b")
        assert said == (b"OK\n" if node == leader else b"MOVED %d\n" % leader)
    piped = b'SET p "x\\x00y"\nGET p\nEXISTS p p\nPING\nDEL p\nGET p\nSET a b c\nNONSENSE\n'
    said = redis_tool(resp2, "redis-cli", leader, stdin=piped)
    assert said.splitlines()[:6] == [b"OK", b"x\0y", b"2", b"PONG", b"1", b""]
    assert said.count(b"ERR ") == 2
    commands = b"".join(b"SET bulk:%d %d\r\n" % (number, number) for number in range(1000))
    said = redis_tool(resp2, "redis-cli", leader, "--pipe", stdin=commands)
    assert b"errors: 0, replies: 1000" in said


def test_redis_benchmark(resp2: Cluster) -> None:
    words = ["-t", "set,get", "-P", "16", "-n", "20000", "-r", "1000", "-q", "--csv"]
    said = redis_tool(resp2, "redis-benchmark", resp2.leader(), *words)
    assert [row.split(",")[0] for row in said.decode().splitlines()[-2:]] == ['"SET"', '"GET"']


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py(resp2: Cluster, protocol: int) -> None:
    port = resp2.nodes[resp2.leader() - 1][1]
    ask_as_redis_py(port, protocol)
