"""Lab 5, the network: nodes and strangers that do harm."""

from __future__ import annotations

from grader.labs.lab5.harmful import FAR, REFUSED, Voter
from grader.labs.lab5.node import QUIET, Home, Node, addresses, expect_calm, file_of
from grader.labs.lab5.peer import Link, Peer, ask, heartbeat, vote
from grader.labs.resources import expect_no_more_descriptors, held_descriptors, memory
from grader.labs.stage import Attempt, stage
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, fail
from grader.wire.messages import AppendEntries, RequestVoteReply

MIB = 1 << 20
_OWN = 2  # of three: node 1 is well, and node 3 is not
_SOON = ("--election-timeout", "40-80", "--heartbeat", "20")
_BEATS = 5  # in a longest pause of a dialler
_OLD = 1  # a term in which node 3 led
_STRANGERS = 100
_ASKED = 30_000  # answers of 29 bytes: less than 1 MiB
_ROUNDS = (
    10  # of heartbeats: twice the longest pause; a sender of whom nothing is taken is not read
)
_MEMORY = 24 * MIB  # 1 MiB of output, and a message of 16 MiB


@stage(
    "5.18",
    "Peers that do harm",
    points=6,
    see="lab5#harm",
    source="PROTOCOL, sections 2 and 5",
    seconds=20,
)
def test_harm(attempt: Attempt) -> None:
    """Bytes that are no message, or that no correct node sends, end their connection and change
    nothing. A peer that never reads, floods, stalls or vanishes costs the others nothing.
    """
    cluster = _Cluster(attempt, "judge")
    node, well = cluster.node, cluster.well
    cluster.third.wait_dialled().pause_reading()
    before = held_descriptors(node)
    stalled, announced = half_a_message(cluster)
    refused(cluster)
    vanish(cluster)
    strangers(cluster)
    without_descriptors(cluster)
    clients(cluster)
    stalled.send(ask(_OLD, 3)[11:])
    stalled.expect_message(vote(well.term, 0), "the refusal of a vote asked for in halves")
    for link in (stalled, announced):
        link.close()
    expect_no_more_descriptors(node, before)
    cluster.end()
    flood(_Cluster(attempt, "plain"))
    idle(attempt)


class _Cluster:
    """A leader with one follower that is well, from term 3 on; node 3 only listens."""

    def __init__(self, attempt: Attempt, build: str) -> None:
        nodes = addresses(3)
        self.attempt, self.world = attempt, attempt.world
        self.well = Voter(attempt, 1, nodes[0], first_term=3)
        self.third = Peer(attempt, 3, nodes[2])
        self.third.pulses = [lambda: self.well.beats // _BEATS]
        home = Home(attempt, nodes[1], file_of(nodes[1], [nodes[0], nodes[2]]))
        self.node = Node(home, *_SOON, build=build)
        self.well.wait_for(AppendEntries, "the first AppendEntries of the leader")
        self.third.wait_dialled()

    def goes_on(self, during: str) -> None:
        """The leader leads, and clients are served."""
        self.well.expect_beats(during)
        self.node.expect_redirect(None, during)

    def end(self) -> None:
        self.node.stop_and_close()
        self.well.close()
        self.third.close()


def half_a_message(cluster: _Cluster) -> tuple[Link, Link]:
    """They stall for as long as all else lasts; the second one before the first of 16 MiB."""
    half, announced = (cluster.third.dial(cluster.node) for _ in range(2))
    half.send(ask(_OLD, 3)[:11])
    announced.send(b"\3\0\0\0\0\0\0\1")
    cluster.goes_on("while half a message has come")
    return half, announced


def refused(cluster: _Cluster) -> None:
    """Each of them ends its connection, whoever dialled it; what came with it is obeyed no more."""
    behind = ask(FAR, 3)
    links = [(cluster.third.dial(cluster.node), bad, why) for bad, why in REFUSED]
    for link, bad, _ in links:
        link.send(ask(_OLD, 3) + bad + behind)
    for link, _, why in links:
        _expect_closed(link, why, 1)
    for number, (bad, why) in enumerate(REFUSED[8:12], 1):
        link = cluster.third.wait_dialled(number)
        link.send(bad + behind)
        link.resume_reading()
        _expect_closed(link, f"{why} on the connection that it dialled", 0)
    cluster.third.wait_dialled(5, why="a connection that was closed is dialled again")
    cluster.goes_on(f"after {len(REFUSED)} messages that no node sends")


def _expect_closed(link: Link, why: str, answers: int) -> None:
    """One that answers more requests than so many is not closed."""
    link.send(ask(_OLD, 3))

    def is_answered() -> bool:
        votes = sum(isinstance(message, RequestVoteReply) for message, _ in link.inbox)
        return votes > answers

    link.expect_closed(why, is_answered)
    link.close()


def vanish(cluster: _Cluster) -> None:
    """In the middle of a message, behind one, and where the leader writes."""
    third, node = cluster.third, cluster.node
    for leave in (Link.reset, Link.close):
        for data in (ask(_OLD, 3)[:20], b"\1", heartbeat(_OLD, 3, 1) * 50 + b"\1\0"):
            link = third.dial(node)
            link.send(data)
            link.wait_sent()
            leave(link)
        known = third.dials
        leave(third.wait_dialled(known))
        third.wait_dialled(known + 1, why="a connection that was reset is dialled again")
    third.stop_listening()
    third.accepted[-1].close()
    cluster.goes_on("while node 3 is gone")
    known = third.dials
    third.listen()
    third.wait_dialled(known + 1, why="a node that is back is dialled again")
    half_closed = third.dial(node)
    half_closed.send(ask(_OLD, 3))
    half_closed.finish_sending()
    cluster.goes_on("after connections that were reset, and one that was half-closed")
    half_closed.close()


def strangers(cluster: _Cluster) -> None:
    """They come to both ports, and say nothing."""
    node = cluster.node
    links = [cluster.third.dial(node) for _ in range(_STRANGERS)]
    callers = [node.call(f"silent client {number}") for number in range(_STRANGERS)]
    cluster.goes_on(f"with {2 * _STRANGERS} connections that say nothing")
    late = cluster.third.dial(node)
    late.send(ask(_OLD, 3))
    late.expect_message(vote(cluster.well.term, 0), f"the refusal beside {_STRANGERS} strangers")
    late.close()
    for one in (*links, *callers):
        one.close()


def without_descriptors(cluster: _Cluster) -> None:
    """The limit is lowered to what is open, while node 3 is gone."""
    node, third = cluster.node, cluster.third
    third.stop_listening()
    third.accepted[-1].close()
    node.program.limit_descriptors(free=False)
    came = [third.dial(node) for _ in range(3)]
    with expect_calm(
        node,
        "without a free descriptor",
        Diagnosis("spins-without-descriptors", "accept() or socket() fails, again and again"),
    ):
        cluster.well.expect_beats("while it has no free descriptor", _ROUNDS)
    node.program.limit_descriptors(free=True)
    known = third.dials
    third.listen()
    third.wait_dialled(known + 1, why="a dial for which there is no descriptor is made again")
    for link in came:
        link.close()
    cluster.goes_on("when descriptors are free again")


def clients(cluster: _Cluster) -> None:
    node = cluster.node
    half = node.call("a client that stalls")
    half.send(b"*2\r\n$3\r\nGE")
    rude = node.call("a client that talks nonsense")
    rude.send(b"\1\0\0\0\x10\0\0\0")
    rude.expect(b"-ERROR\r\n", "the reply to bytes that are no request")
    rude.expect_end()
    cluster.goes_on("while a client stalls")
    half.reset()
    rude.close()


# --- floods ---


def flood(cluster: _Cluster) -> None:
    """Of requests whose replies nobody reads; then of requests that do not end."""
    node, third = cluster.node, cluster.third
    before = memory(node)
    deaf = third.dial(node, receive_buffer=4096)
    deaf.silent = True
    deaf.pause_reading()
    deaf.send(heartbeat(_OLD, 3, 1) * (MIB + MIB // 4))
    unchanged, queued = 0, deaf.queued()
    while unchanged < _ROUNDS and deaf.queued() and not deaf.ended:
        cluster.well.expect_beats("while node 3 sends requests and does not read")
        unchanged = unchanged + 1 if deaf.queued() == queued else 0
        queued = deaf.queued()
    cluster.goes_on("while node 3 sends requests and does not read")
    grown = memory(node) - before
    if grown > _MEMORY:
        fail(
            f"node 3 sends requests and does not read: {grown >> 20} MiB more are held",
            Diagnosis("memory-unbounded", "what waits for a node that does not read is bounded"),
        )
    deaf.reset()
    _late_reader(cluster)
    _endless(cluster)
    cluster.end()


def _late_reader(cluster: _Cluster) -> None:
    """All that it is owed is less than may wait for it, the kernel's share included."""
    slow = cluster.third.dial(cluster.node, receive_buffer=4096)
    slow.silent = True
    slow.pause_reading()
    slow.send(heartbeat(_OLD, 3, 1) * _ASKED)
    cluster.goes_on("while node 3 does not read yet")
    slow.keeps = False
    slow.resume_reading()
    try:
        cluster.world.wait(lambda: slow.count == _ASKED, f"{_ASKED:,} answers to node 3")
    except Hang as hang:
        hang.summary += f": {slow.count:,} came"
        hang.diagnosis = Diagnosis("dropped-early", "below PEERS_QUEUE_BOUND nothing is dropped")
        raise
    slow.close()


def _endless(cluster: _Cluster) -> None:
    """Until the others were served."""
    node, well, asked = cluster.node, cluster.well, cluster.node.call("a client beside a flood")
    made = node.socket_to(node.home.own.raft, "a flood")
    flood = Client(cluster.world, made, "a flood", silent=True)
    cluster.attempt.clients.append(flood)
    some = heartbeat(_OLD, 3, 1) * 50_000
    enough = well.beats + 5
    asked.send(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")

    def is_served() -> bool:
        flood.take(flood.received_size())
        if flood.queued() < len(some):
            flood.send(some)
        return well.beats >= enough and bool(asked.came())

    cluster.world.wait(is_served, "heartbeats to node 1, and a reply to a client, beside a flood")
    flood.reset()
    asked.close()
    cluster.goes_on("after a flood")


# --- a follower that has nothing to do ---


def idle(attempt: Attempt) -> None:
    nodes = addresses(3)
    first, third = Peer(attempt, 1, nodes[0]), Peer(attempt, 3, nodes[2])
    node = Node(Home(attempt, nodes[1], file_of(nodes[1], [nodes[0], nodes[2]])), *QUIET)
    for peer in (first, third):
        peer.wait_dialled()
        peer.dial(node).send(ask(1, peer.id)[:9])
    sleeps = Diagnosis("busy-when-idle", "a node sleeps until a message or its next deadline comes")
    with expect_calm(node, "with nothing to do", sleeps):
        attempt.world.observe(0.3, lambda: False)
    node.stop_and_close()
