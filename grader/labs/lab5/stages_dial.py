"""Lab 5, the network: two ports, and a connection to each other node, again and again."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from grader.labs.lab5.node import QUIET, Address, Home, Node, addresses, expect_calm, file_of
from grader.labs.lab5.peer import Link, Peer, heartbeat, peers_of
from grader.labs.resources import held_descriptors
from grader.labs.stage import Attempt, stage
from grader.run import procinfo
from grader.verdicts import Diagnosis, Hang, fail

_OWN = 5  # of nine
_DEAF_FIRST, _HERE, _LATE, _CLOSES, _RESETS, _MUTE, _REFUSES, _DEAF_LAST = 1, 2, 3, 4, 6, 7, 8, 9
_CLIENTS = 50  # of whom one must hear what came before all of them
_DIALS = 14
_SHORTEST_S = 0.3  # for so many dials: pauses that grow from 10 ms to 100 ms take 1 s
_LONGEST_PAUSE_S, _SHORT_S = 0.1, 0.09
_HELD_S, _TRIES = 0.2, 12
_SPARE = 6  # descriptors that may come and go


@stage(
    "5.16",
    "Both ports, and dialling",
    points=5,
    see="lab5#dial",
    source="PROTOCOL, sections 2 and 3; connect(2)",
    seconds=20,
)
def test_dial(attempt: Attempt) -> None:
    """A node listens at its own address, for clients and for nodes. It dials each other node, again
    after a pause where that fails or ends; one that does not answer keeps nobody else waiting.
    """
    nodes = addresses(9, "127.0.12.1")
    own = nodes[_OWN - 1]
    peers = peers_of(attempt, nodes, _OWN, silent=(_DEAF_FIRST, _LATE, _REFUSES, _DEAF_LAST))
    deaf = [peers[_DEAF_FIRST], peers[_DEAF_LAST]]
    for peer in deaf:
        peer.listen_deaf()
    not_for_nodes(attempt, peers[_HERE].address)
    peers[_CLOSES].on_link = Link.close
    peers[_RESETS].on_link = Link.reset
    others = [one for one in nodes if one != own]
    with _blocking_explained(attempt):
        node = Node(Home(attempt, own, file_of(own, others)), *QUIET)
    both_ports(node)
    served_meanwhile(node, peers[_HERE])
    comes_later(peers[_LATE])
    for peer in deaf:
        peer.take_calls()
    dialled_again(node, peers)
    for peer in deaf:
        peer.wait_dialled(why="a dial without an answer is given up, and made again")
    for id in (_HERE, _LATE, _MUTE, _DEAF_FIRST, _DEAF_LAST):
        one_connection(peers[id])
    peers[_RESETS].on_link = None
    pauses = Diagnosis("spins-dialling", "before each dial of a node that refuses there is a pause")
    with expect_calm(node, "while all nodes but one are connected", pauses):
        attempt.world.observe(0.3, lambda: False)


@contextmanager
def _blocking_explained(attempt: Attempt) -> Iterator[None]:
    """A node that is not ready in time may wait for another one."""
    try:
        yield
    except Hang as hang:
        doing = procinfo.doing(attempt.programs[-1].pid)
        if "connect()" in doing:
            hang.diagnosis = Diagnosis(
                "dial-blocks", f"the node is {doing}: one that does not answer keeps it waiting"
            )
        raise


def both_ports(node: Node) -> None:
    """At its own address alone."""
    own = node.home.own
    for host, port in (own, own.raft):
        node.socket_to((host, port), "the grader").close()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                fail(
                    f"it listens on port {port} at 127.0.0.1 too, and its line names {own.host}",
                    Diagnosis("every-interface", "bind to the address of the node's own line"),
                )


def not_for_nodes(attempt: Attempt, address: Address) -> None:
    """Another node's client port: nobody comes there."""
    listener = socket.create_server(address)
    attempt.clients.append(listener)

    def on_event(_: int) -> None:
        fail(
            f"it dials {address}, where node {_HERE} expects clients",
            Diagnosis("wrong-port-dialled", "nodes come to PORT - 1000: rafts, not clients"),
        )

    attempt.world.watch(listener, selectors.EVENT_READ, on_event)


def served_meanwhile(node: Node, here: Peer) -> None:
    """While the first and the last of the others let every dial wait. What comes at the Raft port
    shows at the other one.
    """
    here.wait_dialled(why="a dial to one node that waits keeps no other waiting: connect(2)")
    node.expect_redirect(None, "while two nodes do not answer a dial")
    link = here.dial(node)
    link.send(heartbeat(1, here.id, 1))
    moved = b"+MOVED %d\r\n" % here.id
    for _ in range(_CLIENTS):
        if node.asks() == moved or link.ended:
            break
        node.world.observe(0.02, lambda: bool(link.ended))
    else:
        fail(f"node {here.id} leads, as it says at the Raft port, and no client hears", _NOT_HEARD)
    if link.ended:
        fail(f"the connection of node {here.id} to its Raft port was {link.ended}", _NOT_HEARD)


_NOT_HEARD = Diagnosis("not-heard", "messages come to the Raft port, by connections of any node")


def comes_later(peer: Peer) -> None:
    peer.listen()
    peer.wait_dialled(why="nobody listened there at first: it is dialled again after a pause")


def dialled_again(node: Node, peers: dict[int, Peer]) -> None:
    """Where connections end at once, and where one ends after a while."""
    at_once = [peers[_CLOSES], peers[_RESETS]]
    for peer in at_once:
        peer.wait_dialled(2, why="a connection that ended is dialled again")
    before = held_descriptors(node)
    peers[_HERE].wait_dialled().close()
    peers[_MUTE].wait_dialled().reset()
    for peer in (peers[_HERE], peers[_MUTE]):
        peer.wait_dialled(2, why="a connection that ended is dialled again")
    for peer in at_once:
        _expect_pauses(peer)
    short_again(at_once[0])
    after = held_descriptors(node)
    if after > before + _SPARE:
        fail(
            f"after some {2 * _DIALS} dials it has {after} descriptors, and had {before} before",
            Diagnosis("descriptor-leak", "each dial has a socket, which ends with it"),
        )


def _expect_pauses(peer: Peer) -> None:
    """Each dial came after the end of the one before."""
    peer.wait_dialled(_DIALS, why="pauses grow to 100 ms, and not beyond: peers.h")
    took = peer.dialled_at[_DIALS - 1] - peer.dialled_at[0]
    if took < _SHORTEST_S:
        fail(
            f"{peer.name} ends each connection at once, and is dialled {_DIALS} times in "
            f"{1000 * took:.0f} ms",
            Diagnosis("spins-dialling", "before each dial there is a pause, the first of 10 ms"),
        )


def short_again(peer: Peer) -> None:
    """A connection that held makes the pause short. One that is must show in so many tries, on a
    machine however slow; the longest never looks like it.
    """
    peer.on_link = None
    link = peer.wait_dialled(peer.dials + 1)
    shortest = _LONGEST_PAUSE_S
    for _ in range(_TRIES):
        peer.world.observe(_HELD_S, lambda: False)
        link.close()
        lost = time.monotonic()
        link = peer.wait_dialled(peer.dials + 1, why="a connection that ended is dialled again")
        shortest = min(shortest, peer.dialled_at[-1] - lost)
        if shortest < _SHORT_S:
            return
    fail(
        f"{peer.name} ends {_TRIES} connections, each after {1000 * _HELD_S:.0f} ms, and no pause "
        f"behind them is shorter than {1000 * shortest:.0f} ms",
        Diagnosis("pause-stays-long", "a connection that held makes the next pause a short one"),
    )


def one_connection(peer: Peer) -> None:
    """Not more than one that the node dialled, once the others are seen to have ended."""

    def is_one() -> bool:
        return sum(link.is_open() for link in peer.accepted) == 1

    try:
        peer.world.wait(is_one, f"{peer.name} to have one connection that the node dialled")
    except Hang as hang:
        hang.diagnosis = Diagnosis("dialled-twice", "one that is connected is not dialled")
        raise
