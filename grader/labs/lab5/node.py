"""A student's node, of labs 5 and 6: the file of its cluster, its folder, its two ports."""

from __future__ import annotations

import errno
import os
import re
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from grader.labs.server import Server
from grader.labs.stage import Attempt
from grader.report import escape
from grader.run.client import Client
from grader.run.ports import free_port
from grader.run.program import Program
from grader.run.recorder import Recorder
from grader.verdicts import Diagnosis, StageFailure, fail
from grader.wire.resp import encode_request

RAFT_BELOW = 1000
QUIET = ("--election-timeout", "60000-60000")  # a follower for as long as any stage takes
GET = encode_request([b"GET", b"k"])
TRYAGAIN = b"+TRYAGAIN\r\n"
_FOLDER = re.compile(r"raft-(-?[0-9]+)")


class Address(NamedTuple):
    """Where the clients of a node come."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def raft(self) -> tuple[str, int]:
        """Where other nodes come."""
        return self.host, self.port - RAFT_BELOW


def addresses(count: int, host: str = "127.0.0.1") -> list[Address]:
    """So many of them, in the order of ids. No port of one is a port of another."""
    taken: set[int] = set()
    found = []
    for _ in range(count):
        port = free_port(frozenset(taken))
        found.append(port)
        taken |= {port, port - RAFT_BELOW, port + RAFT_BELOW}
    return [Address(host, port) for port in sorted(found)]


def file_of(own: Address, others: Sequence[Address]) -> bytes:
    """A config file."""
    return b"".join(f"follower_info {one}\n".encode() for one in (own, *others))


def new_folder(attempt: Attempt) -> Path:
    """An empty folder that a node may read."""
    folder = Path(tempfile.mkdtemp(prefix="node-", dir=attempt.sandbox.folder))
    folder.chmod(0o755)
    return folder


@dataclass
class Home:
    """What a node finds when it starts, each time: its file, and a folder for that of its vote."""

    attempt: Attempt
    own: Address
    text: bytes
    program: str = "raft_node"
    recorder: Recorder | None = None  # of its system calls

    def __post_init__(self) -> None:
        self.readable = new_folder(self.attempt)
        self.config = self.readable / "cluster.conf"
        self.config.write_bytes(self.text)
        self.config.chmod(0o644)
        self.folder = self.attempt.sandbox.own(new_folder(self.attempt))

    def arguments(self) -> list[str]:
        seen = self.attempt.sandbox.seen
        return ["--config", seen(self.config), "--data", seen(self.folder / "data")]

    def start(self, *options: str, name: str = "", data: bool = True) -> Program:
        """The program, whatever becomes of it. Without ``data`` it names its folder itself."""
        return self.attempt.start(
            self.program,
            *(self.arguments() if data else self.arguments()[:2]),
            *options,
            name=name,
            readable=self.readable,
            writable=self.folder,
        )

    def ids(self) -> list[int]:
        """Of the nodes that have named a folder here: PROTOCOL, section 3."""
        named = (_FOLDER.fullmatch(one.name) for one in self.folder.iterdir())
        return [int(one[1]) for one in named if one]


class Node(Server):
    """A node that runs. It may not end before it is told to: ``kill``."""

    def __init__(self, home: Home, *options: str, **more: str) -> None:
        self.home = home
        super().__init__(
            home.attempt,
            home.program,
            *home.arguments(),
            *options,
            readable=home.readable,
            writable=home.folder,
            recorder=home.recorder,
            **more,
        )
        self._expect_own_address()
        self.world.check(self._expect_life)

    def _expect_own_address(self) -> None:
        said = bytes(self.program.stdout.head)
        if f"listening on {self.home.own}".encode() not in said.splitlines():
            fail(
                f"the first line of its file names {self.home.own}, and it says "
                f"'{escape.one_line(said, 60)}'",
                Diagnosis("wrong-self", "a node is the one that the file's first line names"),
            )

    def _expect_life(self) -> None:
        if self.program.ended():
            self.world.uncheck(self._expect_life)
            fail(
                f"{self.program.name} {self.program.ending()} while it should go on",
                Diagnosis("ended-early", "no peer and no client ends a node"),
            )

    def kill(self) -> None:
        """SIGKILL."""
        self.world.uncheck(self._expect_life)
        self.program.kill()

    def stop_and_close(self) -> None:
        """Ends it. Without namespaces, that may end all programs that run: as docs/architecture.md
        says, a keeper kills what its user runs.
        """
        self.world.uncheck(self._expect_life)
        self.program.close()

    def call(self, name: str = "a client") -> Client:
        """A client's connection, to the node's own address."""
        return self._connected(self.home.own, name)

    def socket_to(
        self,
        address: tuple[str, int],
        name: str,
        receive_buffer: int | None = None,
        source: str = "",
    ) -> socket.socket:
        """A connection to one of its ports, from an address of the grader's."""
        made = socket.socket()
        if source:
            made.bind((source, 0))
        if receive_buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setblocking(False)
        error = made.connect_ex(address)
        if error == errno.EINPROGRESS:
            error = self._finish_connecting(made, name)
        if error:
            made.close()
            fail(
                f"{name} can't connect to {address[0]}:{address[1]}: {os.strerror(error)}",
                Diagnosis(
                    "not-listening-there",
                    "a node listens at the address in its own line, on PORT for clients and on "
                    "PORT - 1000 for the other nodes",
                ),
            )
        return made

    def _connected(self, address: Address, name: str) -> Client:
        self.world.log(name, f"connects to {address}")
        client = Client(self.world, self.socket_to(address, name), name, peer=self.program.name)
        self.attempt.clients.append(client)
        return client

    def asks(self) -> bytes:
        """What a new client gets for GET k: the line, with CR LF."""
        client = self.call()
        client.send(GET)
        line = client.take_line("the reply to GET k") + b"\r\n"
        client.close()
        self.attempt.clients.remove(client)
        return line

    def expect_redirect(self, leader: int | None, when: str) -> None:
        """GET gets +MOVED and the leader's id, or +TRYAGAIN where none is known."""
        expected = TRYAGAIN if leader is None else b"+MOVED %d\r\n" % leader
        client = self.call()
        client.send(GET)
        try:
            client.expect(expected, f"the reply to GET {when}")
        except StageFailure as failure:
            failure.diagnosis = Diagnosis(
                "redirect",
                "a leader is known once its AppendEntries came in this term; before that, on a "
                "candidate and on the leader itself it is +TRYAGAIN",
            )
            raise
        client.close()


@contextmanager
def expect_calm(node: Node, when: str, otherwise: Diagnosis) -> Iterator[None]:
    """Meanwhile the node does something now and then, and does not spin. (On a busy machine one
    that spins may look calm, and never the other way round.)
    """
    used, began = node.program.cpu_seconds(), node.world.elapsed()
    yield
    used, took = node.program.cpu_seconds() - used, node.world.elapsed() - began
    if used > took / 4 + 0.05:
        fail(f"{when} it uses {used:.2f} s of CPU time in {took:.2f} s", otherwise)
