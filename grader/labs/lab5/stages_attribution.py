"""Lab 5, the network: whose message is it, and where does the reply go?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from grader.labs.lab5.node import QUIET, Address, Home, Node, addresses, file_of
from grader.labs.lab5.peer import Link, Peer, acknowledged, ask, heartbeat, peers_of, vote
from grader.labs.lab5.told import named
from grader.labs.stage import Attempt, stage
from grader.verdicts import Diagnosis, Hang, fail
from grader.wire.messages import AppendEntries, Message, RequestVote, encode

_OWN = 3  # of five
_CLIENTS, _PATIENCE_S = 50, 0.02
_STANDS = 40  # elections that may be lost to a slow machine
_OLD = 1  # a term in which all of them stood, and nobody voted for another
_TIMEOUT = ("--election-timeout", "150-150")

# The worked bytes of PROTOCOL, section 2, and what a node 3 without a log answers.
_ASK = bytes.fromhex("01000000 10000000 07000000 02000000 09000000 06000000")
_GRANTED = bytes.fromhex("02000000 05000000 07000000 01")
_HEARTBEAT = bytes.fromhex(
    "03000000 1c000000 07000000 02000000 09000000 06000000 08000000 2a000000 00000000"
)
_ENTRIES = bytes.fromhex(
    "03000000 47000000 07000000 02000000 09000000 06000000 08000000 29000000 02000000 06000000"
    "00000000 07000000 1b000000 2a330d0a24330d0a5345540d0a24310d0a6b0d0a24310d0a760d0a"
)
_EXCHANGE = (
    (_ASK, _GRANTED, "the vote for node 2 in term 7"),
    (_HEARTBEAT, acknowledged(7, _OWN, 42, success=0), "the answer to a heartbeat behind 9/6"),
    (_ENTRIES, acknowledged(7, _OWN, 41, success=0), "the answer to two entries"),
    (heartbeat(7, 2, 43), acknowledged(7, _OWN, 43), "the answer to a heartbeat behind 0/0"),
)


@stage(
    "5.17",
    "Whose message is it?",
    points=5,
    see="lab5#attribution",
    source="PROTOCOL, sections 2 and 5",
    seconds=20,
)
def test_attribution(attempt: Attempt) -> None:
    """A connection belongs to the node that was dialled, or that a message named last as its
    sender. A reply goes by the connection of the peer's latest request; a vote counts for the node
    that its connection belongs to, once.
    """
    a_follower(attempt)
    a_candidate(attempt)


# --- replies ---


def a_follower(attempt: Attempt) -> None:
    nodes = addresses(5)
    peers = peers_of(attempt, nodes, _OWN)
    node = _start(attempt, nodes, *QUIET)
    second, fourth = peers[2], peers[4]
    node.expect_redirect(None, "before any message")
    links = [second.dial(node), second.dial(node), second.wait_dialled()]
    worked_bytes(node, links[0], links[1:])
    replies_by_the_same_connection(node, links)
    named_anew(node, links, fourth)
    gone_before_the_reply(node, links, fourth.dial(node), second)
    node.stop_and_close()
    for peer in peers.values():
        peer.close()


def _start(attempt: Attempt, nodes: list[Address], *options: str) -> Node:
    own = nodes[_OWN - 1]
    others = [one for one in nodes if one != own]
    return Node(Home(attempt, own, file_of(own, others)), *options)


def _expect(node: Node, link: Link, reply: bytes, what: str, others: Sequence[Link] = ()) -> None:
    """It does not come if clients who came later are served, one after another."""
    world = node.world
    for _ in range(_CLIENTS):
        if world.observe(_PATIENCE_S, lambda: bool(link.inbox or link.ended)):
            break
        _expect_silence(others, "the reply belongs on the connection of the request")
        node.asks()
    if not link.inbox and not link.ended:
        fail(
            f"{what} to {link.name} does not come; {_CLIENTS} clients were served meanwhile",
            Diagnosis("no-answer", "a reply goes by the connection of the request"),
        )
    link.expect_message(reply, what)


def worked_bytes(node: Node, link: Link, others: list[Link]) -> None:
    """Those of PROTOCOL: whole, byte by byte, in pieces, and all at once."""
    for request, reply, what in _EXCHANGE:
        link.send(request)
        _expect(node, link, reply, what, others)
        if request == _ASK:
            node.expect_redirect(None, "after a vote for node 2, which is no leader yet,")
    node.expect_redirect(2, "after an AppendEntries of node 2")
    everything = b"".join(request for request, _, _ in _EXCHANGE)
    for size in (1, 7, len(everything)):
        for at in range(0, len(everything), size):
            link.send(everything[at : at + size])
            link.world.observe(0.05, lambda: link.sent_all() and link.unread() == 0)
        for _, reply, what in _EXCHANGE:
            _expect(node, link, reply, f"{what}, where all requests came in pieces of {size},")


def replies_by_the_same_connection(node: Node, links: list[Link]) -> None:
    """Three connections are node 2's: two that it dialled, and one that the node did."""
    for seq, place in enumerate((0, 1, 2, 0, 2, 1, 0), 100):
        links[place].send(heartbeat(7, 2, seq))
        others = [link for link in links if link is not links[place]]
        reply, what = acknowledged(7, _OWN, seq), f"the answer to heartbeat {seq}"
        _expect(node, links[place], reply, what, others)
        _expect_silence(links, "the reply belongs on another connection of the same node")


def _expect_silence(links: Sequence[Link], why: str) -> None:
    for link in links:
        link.expect_silence(why)


def named_anew(node: Node, links: list[Link], fourth: Peer) -> None:
    """A connection that named node 2 names node 4; and node 4 has one of its own."""
    other = fourth.wait_dialled()
    links[1].send(ask(8, 4))
    _expect(node, links[1], vote(8), "the vote for node 4, which asks by a connection of node 2,")
    node.expect_redirect(None, "in term 8, whose leader is not known,")
    links[0].send(ask(8, 2))
    _expect(node, links[0], vote(8, 0), "the refusal to node 2, by the connection that it asks by,")
    other.send(heartbeat(8, 4, 1))
    _expect(node, other, acknowledged(8, _OWN, 1), "the answer to node 4")
    node.expect_redirect(4, "after an AppendEntries of node 4")
    failing = encode(AppendEntries(9, 2, 5, 3, 0, 7, ()))
    links[0].send(failing)
    _expect(
        node,
        links[0],
        acknowledged(9, _OWN, 7, success=0),
        "the answer to node 2, which leads term 9,",
    )
    node.expect_redirect(2, "after an AppendEntries of node 2 whose log check fails")
    _expect_silence([*links, other], "the reply belongs on another connection")


def gone_before_the_reply(node: Node, links: list[Link], barrier: Link, second: Peer) -> None:
    """A request and the end of its connection come together."""
    gone = links.pop(0)
    node.program.stop()
    gone.send(heartbeat(9, 2, 8))
    gone.close()
    node.program.go_on()
    barrier.send(ask(8, 4))
    _expect(node, barrier, vote(9, 0), "the refusal to node 4")
    node.expect_redirect(2, "when the connection of the leader has ended")
    again = second.dial(node)
    again.send(heartbeat(9, 2, 9))
    _expect(node, again, acknowledged(9, _OWN, 9), "the answer to node 2 by its new connection")
    why = "the connection of the request has ended: its reply is dropped"
    _expect_silence([*links, barrier, again], why)


# --- votes ---


class _Campaign:
    """A candidate of five, and what counts for it. Whatever it becomes, all see it. Each node has a
    host of its own, which tells nothing of a connection that comes from there.
    """

    def __init__(self, attempt: Attempt) -> None:
        nodes = [Address(f"127.0.13.{id}", one.port) for id, one in enumerate(addresses(5), 1)]
        self.peers = peers_of(attempt, nodes, _OWN)
        self.world = attempt.world
        self.term = _OLD  # the last that was seen, and done with
        self.led: set[int] = set()
        self._not_in: dict[int, str] = {}  # terms in which it can't lead, and why
        for peer in self.peers.values():
            peer.on_message = self._see
        self.node = _start(attempt, nodes, *_TIMEOUT)
        self.own = {id: peer.wait_dialled() for id, peer in self.peers.items()}
        self.world.check(self._expect_links)

    def _expect_links(self) -> None:
        """All of them are of use: whose they are is known, or may become known."""
        for peer in self.peers.values():
            for link in peer.links:
                if link.ended:
                    self.world.uncheck(self._expect_links)
                    self.world.observe(0.5, self.node.program.ended)
                    fail(
                        f"the connection of {link.name} was {link.ended}",
                        Diagnosis("link-closed", "nothing on it was wrong"),
                    )

    def end(self) -> None:
        self.world.uncheck(self._expect_links)
        self.node.stop_and_close()

    def _see(self, link: Link, message: Message) -> None:
        if not isinstance(message, RequestVote | AppendEntries):
            return
        if not any(link in peer.accepted for peer in self.peers.values()):
            fail(
                f"{link.name} gets {named(message)}",
                Diagnosis("no-request", "it is due on the connection that was dialled: peers.h"),
            )
        if not isinstance(message, AppendEntries):
            return
        self.led.add(message.term)
        if message.term in self._not_in:
            fail(
                f"it leads term {message.term} of five nodes with its own vote and one more: "
                f"{self._not_in[message.term]}",
                Diagnosis("vote-counted-twice", "three of five have to vote for it"),
            )

    def stands(self) -> int:
        """The term of its next election."""
        asked = self.peers[1].wait_for(
            RequestVote, "the RequestVote of a new term", above=self.term
        )
        self.term = asked.term
        return self.term

    def not_elected(self, why: str) -> None:
        """By what was sent in this term."""
        self._not_in[self.term] = why
        self.stands()

    def elected_by(self, votes: list[Link], why: str) -> int:
        """It leads when these connections grant their votes; the term."""
        summary = f"it does not lead with three votes of five: {why}"
        diagnosis = Diagnosis("vote-not-counted", why)
        try:
            for _ in range(_STANDS):
                term = self.stands()
                for link in votes:
                    link.send(vote(term))
                self.world.wait(partial(self._is_decided, term), f"the end of term {term}")
                if term in self.led:
                    return term
        except Hang as hang:
            hang.summary, hang.diagnosis = summary, diagnosis
            raise
        fail(f"{summary}, in {_STANDS} elections", diagnosis)

    def _is_decided(self, term: int) -> bool:
        """It leads, or stands again."""
        asked = (one for _, one in self.peers[1].inbox if isinstance(one, RequestVote))
        return term in self.led or any(one.term > term for one in asked)


def a_candidate(attempt: Attempt) -> None:
    campaign = _Campaign(attempt)
    own, peers, node = campaign.own, campaign.peers, campaign.node
    campaign.stands()
    strangers = [peers[id].dial(node) for id in (2, 4, 5)]
    first_again, last_named = peers[1].dial(node), peers[1].dial(node)
    votes_that_count_once(campaign, strangers, first_again, last_named)
    term = campaign.elected_by(
        [own[1], last_named],
        "node 1 by the connection that was dialled, node 2 by one that named it last",
    )
    for peer in peers.values():
        peer.wait_for(AppendEntries, "the first AppendEntries of a new leader", term=term)
    node.expect_redirect(None, "on the leader itself")
    answers = peers[5].dial(node)
    answers.send(acknowledged(term, 5, 1) + acknowledged(term + 1, 5, 2, success=0))
    campaign.term = term + 1  # of another's
    term = campaign.elected_by(
        [own[1], answers],
        "node 1 by the connection that was dialled, node 5 by one that it answered a leader by",
    )
    stranger = strangers[1]
    stranger.send(ask(term + 1, 4))
    campaign.term = term + 1
    campaign.elected_by(
        [own[1], stranger],
        "node 1 by the connection that was dialled, node 4 by one that it asked for a vote by",
    )
    campaign.end()


def votes_that_count_once(
    campaign: _Campaign, strangers: list[Link], first_again: Link, last_named: Link
) -> None:
    """In each term one other node votes, and its vote comes more than once."""
    own = campaign.own
    term = campaign.stands()
    own[1].send(vote(term) * 3)
    campaign.not_elected("node 1 says three times that it votes for it")
    term = campaign.term
    first_again.send(ask(_OLD, 1) + vote(term))
    own[1].send(vote(term))
    campaign.not_elected("node 1 says so by two connections")
    term = campaign.term
    for link in [own[4], *strangers]:
        link.send(vote(term))
    campaign.not_elected("node 4 votes, and three connections that have named nobody")
    term = campaign.term
    last_named.send(ask(_OLD, 1) + ask(_OLD, 2) + vote(term))
    own[2].send(vote(term))
    campaign.not_elected("node 2 votes by two connections, one of which had named node 1 before")
