"""Real nodes of the student's, joined by wires of the grader's.

In its file each node has its own real address, and for each other one the address of a proxy. The
third number of an address is the same for all that stand for one node, so ranks agree everywhere.
"""

from __future__ import annotations

import re

from grader.labs.lab5.node import TRYAGAIN, Address, Home, Node, file_of
from grader.labs.lab5.proxy import Proxy, Wires
from grader.labs.lab5.witness import Witness
from grader.labs.stage import Attempt
from grader.report import escape
from grader.run.ports import free_port
from grader.verdicts import Diagnosis, Hang, fail

_MOVED = re.compile(rb"\+MOVED ([1-9][0-9]{0,9})\r\n")
_NETWORK, _PROXY = 40, 100
_PAUSE_S = 0.01  # between two questions to all of them


class Trio:
    """A cluster of three. It starts at construction."""

    PROGRAM = "raft_node"

    def __init__(
        self, attempt: Attempt, *options: str, count: int = 3, witness: Witness | None = None
    ) -> None:
        self.attempt, self.world, self.options = attempt, attempt.world, options
        self.witness = witness or Witness(count)
        self.wires = Wires(attempt.world, self.witness)
        self.ids = range(1, count + 1)
        self._port = free_port()
        self._proxies = [
            Proxy(self.wires, one, other, self._address(one, other), self._address(other))
            for one in self.ids
            for other in self.ids
            if one != other
        ]
        attempt.clients += [*self._proxies, self.wires]
        self._homes = {id: self._home(id) for id in self.ids}
        self.nodes: dict[int, Node] = {}  # those that run
        for id in self.ids:
            self.start(id)

    def _address(self, node: int, dialled: int = 0) -> Address:
        """The node's own; or where it finds the other one."""
        if dialled:
            return Address(f"127.0.{_NETWORK + dialled}.{_PROXY + node}", self._port)
        return Address(f"127.0.{_NETWORK + node}.1", self._port)

    def _home(self, id: int) -> Home:
        own = self._address(id)
        others = [self._address(id, other) for other in self.ids if other != id]
        return Home(self.attempt, own, file_of(own, others), self.PROGRAM)

    def start(self, id: int) -> None:
        """With what it left in its folder."""
        self.witness.restarted(id)
        self.nodes[id] = Node(self._homes[id], *self.options, name=f"node {id}")

    def kill(self, id: int) -> None:
        """SIGKILL; all that it sent was seen then."""
        node = self.nodes.pop(id)
        node.kill()

        def is_silent() -> bool:
            self.wires.read_out(id)  # others may dial it until its end is known
            return self.wires.are_silent(id)

        self.world.wait(is_silent, f"the connections of node {id} to end")
        self.witness.ended(id)
        if self.attempt.sandbox.in_namespaces:  # elsewhere the others would end too
            node.stop_and_close()

    def stop(self, id: int) -> Node:
        """SIGSTOP: it is not asked until it goes on."""
        node = self.nodes.pop(id)
        node.program.stop()
        return node

    def go_on(self, id: int, node: Node) -> None:
        self.nodes[id] = node
        node.program.go_on()

    def wait_leader(self, above: int, when: str) -> tuple[int, int]:
        """A leader of a term above that one, among the nodes that run: the term, and its id."""

        def is_there() -> bool:
            found = self.witness.leader(above)
            return found is not None and found[1] in self.nodes

        try:
            self.world.wait(is_there, f"a leader {when}")
        except Hang as hang:
            hang.diagnosis = Diagnosis(
                "no-leader",
                "a majority runs and is connected: somebody has to win, after a few elections",
            )
            raise
        found = self.witness.leader(above)
        assert found is not None
        return found

    def agree(self, when: str) -> int:
        """Asks all that run until all but one redirect to this one, which says +TRYAGAIN itself;
        its id.
        """
        said: dict[int, bytes] = {}
        leader = 0

        def do_agree() -> bool:
            nonlocal leader
            self.world.observe(_PAUSE_S, lambda: False)
            said.update({id: self._ask(id) for id in self.nodes})
            for stale in said.keys() - self.nodes.keys():
                del said[stale]
            leaders = [id for id, line in said.items() if line == TRYAGAIN]
            leader = leaders[0] if len(leaders) == 1 else 0
            moved = b"+MOVED %d\r\n" % leader
            return leader > 0 and all(said[id] == moved for id in said if id != leader)

        try:
            self.world.wait(do_agree, f"all nodes to redirect to one, {when}")
        except Hang as hang:
            words = ", ".join(f"node {id}: {escape.one_line(line)}" for id, line in said.items())
            hang.summary = f"{hang.summary}; at last they said {words}"
            hang.diagnosis = Diagnosis(
                "no-agreement", "followers redirect to the leader, which says +TRYAGAIN"
            )
            raise
        return leader

    def _ask(self, id: int) -> bytes:
        """What it says; a redirect leads to one that has led."""
        line = self.nodes[id].asks()
        moved = _MOVED.fullmatch(line)
        if line != TRYAGAIN and moved is None:
            fail(
                f"node {id} answers GET with '{escape.one_line(line)}'",
                Diagnosis("redirect", "it keeps no log: +MOVED and the leader's id, or +TRYAGAIN"),
            )
        if moved and (int(moved[1]) == id or int(moved[1]) not in self.witness.leaders.values()):
            fail(
                f"node {id} redirects to node {int(moved[1])}, which has not led yet, or is itself",
                Diagnosis("redirect", "a leader is known once its AppendEntries came"),
            )
        return line
