"""Lab 5, the network: three nodes of the student's, killed and stopped."""

from __future__ import annotations

from grader.labs.lab5.node import QUIET, Home, Node, addresses, file_of
from grader.labs.lab5.peer import Link, Peer, ask, peers_of, vote
from grader.labs.lab5.trio import Trio
from grader.labs.stage import Attempt, stage
from grader.verdicts import Diagnosis, StageFailure, fail
from grader.wire.messages import RequestVote, RequestVoteReply


@stage(
    "5.19",
    "Three real nodes",
    points=5,
    see="lab5#nodes",
    source="Ongaro and Ousterhout, sections 5.1, 5.2 and 5.6",
    seconds=20,
)
def test_nodes(attempt: Attempt) -> None:
    """Three nodes elect a leader, and another one when it is killed or stopped; who comes back has
    kept its term and its vote. In all bytes between them there is one leader and one vote a term.
    """
    promises(attempt)
    trio = Trio(attempt)
    trio.wait_leader(0, "of three nodes that were just started")
    trio.agree("after the first election")
    a_leader_is_killed(trio)
    a_leader_is_stopped(trio)
    a_follower_is_killed(trio)


def a_leader_is_killed(trio: Trio) -> None:
    term, leader = trio.wait_leader(0, "of three")
    trio.kill(leader)
    trio.wait_leader(term, f"after node {leader}, the leader, was killed")
    trio.agree("when the leader was killed")
    trio.start(leader)
    trio.agree("when the killed leader is back")


def a_leader_is_stopped(trio: Trio) -> None:
    """It learns of the newer term when it goes on."""
    term, leader = trio.wait_leader(0, "of three")
    stopped = trio.stop(leader)
    trio.wait_leader(term, f"after node {leader}, the leader, was stopped")
    trio.go_on(leader, stopped)
    trio.agree("when the stopped leader goes on")


def a_follower_is_killed(trio: Trio) -> None:
    leader = trio.agree("when all of them run")
    follower = next(id for id in trio.ids if id != leader)
    trio.kill(follower)
    trio.agree("when a follower was killed")
    trio.start(follower)
    trio.agree("when the killed follower is back")


# --- one node, killed behind a promise ---


def promises(attempt: Attempt) -> None:
    """A vote and a candidacy outlive SIGKILL."""
    nodes = addresses(3)
    peers = peers_of(attempt, nodes, 2)
    home = Home(attempt, nodes[1], file_of(nodes[1], [nodes[0], nodes[2]]))
    kept_vote(home, peers)
    kept_candidacy(home, peers)
    for peer in peers.values():
        peer.close()


def kept_vote(home: Home, peers: dict[int, Peer]) -> None:
    node = Node(home, *QUIET)
    link = peers[1].dial(node)
    link.send(ask(5, 1))
    link.expect_message(vote(5), "the vote for node 1 in term 5")
    node.kill()
    node = Node(home, *QUIET)
    why = "it voted for node 1 in term 5, was killed, and is back"
    first, third = peers[1].dial(node), peers[3].dial(node)
    for link, request, reply, what in (
        (third, ask(5, 3), vote(5, 0), "the refusal to node 3"),
        (third, ask(4, 3), vote(5, 0), "the refusal to node 3, which stood in term 4,"),
        (first, ask(5, 1), vote(5), "the same vote again"),
    ):
        link.send(request)
        _expect_promise(link, reply, f"{what}: {why}:")
    node.kill()


def _expect_promise(link: Link, reply: bytes, what: str) -> None:
    try:
        link.expect_message(reply, what)
    except StageFailure as failure:
        failure.diagnosis = _FORGOTTEN
        raise


_FORGOTTEN = Diagnosis("promise-forgotten", "term and vote are saved before they are told")


def kept_candidacy(home: Home, peers: dict[int, Peer]) -> None:
    node = Node(home, "--election-timeout", "40-80")
    asked = peers[1].wait_for(RequestVote, "the RequestVote of a new term", above=5)
    node.kill()
    node = Node(home, *QUIET)
    peers[3].inbox.clear()
    peers[3].dial(node).send(ask(asked.term, 3))
    answer = peers[3].wait_for(RequestVoteReply, "the refusal to node 3")
    if answer.vote_granted or answer.term < asked.term:
        fail(
            f"it stood in term {asked.term}, was killed, and is back: to a RequestVote of node 3 "
            f"in this term it says term {answer.term}, vote_granted {answer.vote_granted}",
            _FORGOTTEN,
        )
    node.kill()
