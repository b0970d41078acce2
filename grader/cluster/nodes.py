"""The nodes of a cluster that runs on this machine, where every program reaches them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import StrEnum

from grader.cluster.observer import Observer
from grader.errors import MachineError
from grader.labs.lab5.node import RAFT_BELOW, Address, Node
from grader.labs.lab6.store import Store
from grader.labs.stage import Attempt
from grader.report import escape
from grader.verdicts import StageFailure

_HOST = "127.0.0.1"
_FIRST_PORT, _LAST_PORT, _STEP = 7000, 32_000, 100


class Status(StrEnum):
    """What somebody did to a node, or it to itself."""

    RUNS = "runs"
    KILLED = "killed"
    PAUSED = "paused"
    CUT = "cut off"
    ENDED = "ended"


@dataclass
class Kept:
    """A node that does not run freely, and why."""

    status: Status
    node: Node | None = None
    words: str = ""


def base_port(count: int) -> int:
    """Such that node n is at that port and n hundred, and the proxies in its place right behind."""
    for base in range(_FIRST_PORT, _LAST_PORT, _STEP):
        ports = [
            base + _STEP * id + more for id in range(1, count + 1) for more in range(count + 1)
        ]
        if all(map(_is_free, [*ports, *(port - RAFT_BELOW for port in ports)])):
            return base
    raise MachineError("no free ports for a cluster")


def _is_free(port: int) -> bool:
    """Nobody listens there. What former connections left is no matter: SO_REUSEADDR, socket(7)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


class LocalCluster(Store):
    """All at one address, with ports that are easy to type."""

    def __init__(self, attempt: Attempt, count: int, options: list[str]) -> None:
        self._base = base_port(count)
        self.observer = Observer(count)
        self.kept: dict[int, Kept] = {}
        super().__init__(attempt, *options, count=count, witness=self.observer)

    def _address(self, node: int, dialled: int = 0) -> Address:
        place = dialled or node
        return Address(_HOST, self._base + _STEP * place + (node if dialled else 0))

    def addresses(self) -> list[Address]:
        """Of the nodes themselves, in order of ids."""
        return [self._address(id) for id in self.ids]

    def port(self, id: int) -> int:
        """Where its clients come."""
        return self._address(id).port

    def status(self, id: int) -> Status:
        if id in self.kept:
            return self.kept[id].status
        return Status.CUT if self.ways([id])[0][0] in self.wires.cuts else Status.RUNS

    def start(self, id: int) -> None:
        """Also one that ends at once is no failure here."""
        try:
            super().start(id)
        except StageFailure as failure:
            self.kept[id] = Kept(Status.ENDED, words=failure.summary)
            return
        node = self.nodes[id]
        self.world.uncheck(node._expect_life)

    # --- what keys do; each returns what it did, in words ---

    def kills(self, id: int) -> str:
        """SIGKILL."""
        kept = self.kept.pop(id, None)
        if kept is not None and kept.status is not Status.PAUSED:
            self.kept[id] = kept
            return f"node {id} does not run"
        if kept is not None and kept.node is not None:
            self.nodes[id] = kept.node
        self.kill(id)
        self.kept[id] = Kept(Status.KILLED)
        return f"node {id} is killed: r{id} starts it again"

    def pauses(self, id: int) -> str:
        """SIGSTOP; SIGCONT to one that is stopped."""
        kept = self.kept.get(id)
        if kept is not None and kept.status is Status.PAUSED and kept.node is not None:
            del self.kept[id]
            self.go_on(id, kept.node)
            return f"node {id} goes on"
        if kept is not None:
            return f"node {id} does not run"
        self.kept[id] = Kept(Status.PAUSED, self.stop(id))
        return f"node {id} is paused: p{id} lets it go on"

    def cuts(self, id: int) -> str:
        self.cut_off([id])
        return f"node {id} is cut off from the others: h{id} heals that"

    def heals(self, id: int) -> str:
        out, back = self.ways([id])
        self.wires.heal(out + back)
        return f"node {id} is connected"

    def restarts(self, id: int) -> str:
        kept = self.kept.get(id)
        if kept is None or kept.status is Status.PAUSED:
            self.kills(id)
        self.kept.pop(id, None)
        self.start(id)
        if id in self.kept:
            return f"node {id} did not start: {self.kept[id].words}"
        return f"node {id} runs again"

    def look_after(self) -> list[str]:
        """Nodes that have ended by themselves, in words."""
        found = []
        for id, node in list(self.nodes.items()):
            if node.program.ended():
                del self.nodes[id]
                said = escape.tail(escape.visible(node.program.stderr.kept()), 12)
                self.kept[id] = Kept(Status.ENDED, words=said)
                self.observer.ended(id)
                found.append(f"node {id} {node.program.ending()}; r{id} starts it again\n{said}")
        return found
