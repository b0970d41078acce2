"""Rows of ``make bench LAB=5`` about worker pools: raft_pools beside raft_node, of one thread.

All requests get the same answer, since there is no leader: what differs is where they are read, and
what they wait for. The clients are here, in one thread, and share the cores with the node.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from grader.bench import ROUNDS, Bench, Row, make_row
from grader.labs.lab5.pools_node import QUIET, RAFT_BELOW, TRY_AGAIN, Cluster
from grader.labs.server import Server
from grader.load.sides import fresh
from grader.verdicts import fail
from grader.wire import messages, resp
from grader.wire.messages import RequestVote, RequestVoteReply

POOLS, ONE_THREAD = "raft_pools", "raft_node"
_BUFFER = 1 << 18


@dataclass(frozen=True)
class Setting:
    """Clients that keep so many requests on their way, each; sent at once, when all before them
    were answered. ``votes``: meanwhile a candidate asks for one vote after another, and each is
    flushed to the disk.
    """

    name: str
    request: bytes
    clients: int
    depth: int
    votes: bool = False


_GET = resp.encode_request([b"GET", b"key"])
_LARGE = resp.encode_request([b"DEL", *(b"%d" % key for key in range(10_000, 60_000))])
SETTINGS = (
    Setting("GET, 16 clients, one at a time", _GET, 16, 1),
    Setting("GET, 16 clients, 64 at a time", _GET, 16, 64),
    Setting("DEL of 50,000 keys, 1 client", _LARGE, 1, 1),
    Setting("DEL of 50,000 keys, 4 clients", _LARGE, 4, 1),
    Setting("GET, 1 client, while the disk is busy", _GET, 1, 1, votes=True),
)


@dataclass(frozen=True)
class Figures:
    """Requests a second, and what one costs the node, in microseconds of CPU time."""

    per_s: float
    cpu_us: float


class Client:
    """Sends a batch, and the next one when all its replies are here."""

    def __init__(self, port: int, batch: bytes, replies: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._batch, self._replies = batch, replies
        self._left = memoryview(batch)
        self._came = b""

    def turn(self) -> int:
        """Sends and receives what can be. How many requests were answered."""
        self._send()
        try:
            came = self.socket.recv(_BUFFER)
        except BlockingIOError:
            return 0
        self._came += came
        if not came or not self._replies.startswith(self._came):
            fail("a client was refused, or got a wrong reply")
        if len(self._came) < len(self._replies):
            return 0
        self._came, self._left = b"", memoryview(self._batch)
        self.answered()
        self._send()
        return self._replies.count(b"\n")

    def _send(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._left:
                self._left = self._left[self.socket.send(self._left) :]

    def answered(self) -> None:
        """For those whose next batch is another."""

    def events(self) -> int:
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._left else 0)


class Candidate(Client):
    """Node 2, which asks for a vote, and for one of a newer term when it has got it."""

    def __init__(self, port: int, term: int) -> None:
        self.term = term
        super().__init__(port, b"", b"")
        self.answered()

    def answered(self) -> None:
        self.term += 1
        self._left = memoryview(messages.encode(RequestVote(self.term, 2, 0, 0)))
        self._replies = messages.encode(RequestVoteReply(self.term, 1))

    def turn(self) -> int:
        super().turn()
        return 0


@dataclass
class Node:
    """A node under test. ``term`` is the latest that it has heard of."""

    server: Server
    raft_port: int
    term: int = 0

    def measure(self, setting: Setting, seconds: float) -> Figures:
        """In so many seconds, after a tenth of them to warm up."""
        batch, replies = setting.request * setting.depth, TRY_AGAIN * setting.depth
        clients = [Client(self.server.port, batch, replies) for _ in range(setting.clients)]
        if setting.votes:
            clients.append(Candidate(self.raft_port, self.term))
        with selectors.DefaultSelector() as selector:
            for client in clients:
                selector.register(client.socket, client.events(), client)
            _run(selector, seconds / 10)
            cpu, began = self.server.program.cpu_seconds(), time.monotonic()
            answered = _run(selector, seconds)
            took = time.monotonic() - began
            cpu = self.server.program.cpu_seconds() - cpu
        self._close(clients)
        if answered == 0:
            fail(f"no reply in {seconds} seconds")
        return Figures(answered / took, cpu / answered * 1e6)

    def _close(self, clients: list[Client]) -> None:
        for client in clients:
            client.socket.close()
            if isinstance(client, Candidate):
                self.term = client.term


def _run(selector: selectors.BaseSelector, seconds: float) -> int:
    end, answered = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for key, _ in selector.select(0.1):
            client: Client = key.data
            answered += client.turn()
            if key.events != client.events():
                selector.modify(client.socket, client.events(), client)
    return answered


@contextlib.contextmanager
def follower(bench: Bench, program: str) -> Iterator[Node]:
    """A node that never stands, with a folder on a disk."""
    with fresh(bench.attempt) as attempt:
        cluster = Cluster(attempt)
        disk = attempt.sandbox.own(cluster.folder.with_name(f"disk-{program}"))
        server = cluster.start(1, *QUIET, program=program, build="plain", writable=disk)
        yield Node(server, cluster.ports[0] - RAFT_BELOW)


def rows(bench: Bench) -> list[Row]:
    """Measures all of it: a row for the rate, one for the cost."""
    seconds, rounds = (0.1, 1) if bench.quick else (1.0, ROUNDS)
    found: list[Row] = []
    with follower(bench, POOLS) as ours, follower(bench, ONE_THREAD) as peer:
        for setting in SETTINGS:
            bench.say(f"pools: {setting.name}")
            pairs = [
                (ours.measure(setting, seconds), peer.measure(setting, seconds))
                for _ in range(rounds + 1)
            ][1:]
            found += _rows(setting, pairs)
    return found


def _rows(setting: Setting, pairs: list[tuple[Figures, Figures]]) -> Iterator[Row]:
    rates = [(mine.per_s, other.per_s) for mine, other in pairs]
    costs = [(mine.cpu_us, other.cpu_us) for mine, other in pairs]
    yield make_row(f"pools: {setting.name}", "1/s", rates, ONE_THREAD)
    if not setting.votes and min(map(min, costs)) > 0:  # in ticks of 10 ms
        yield make_row(f"pools: CPU, {setting.name}", "us", costs, ONE_THREAD, less_is_better=True)
