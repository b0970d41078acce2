"""What the bytes between nodes say of their cluster: the rules of elections, judged from outside.

The witness sees the bytes of each connection, both ways, before their receiver does. So what caused
a message was seen before it. Of two connections it does not know which bytes were sent first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from grader.labs.lab5.told import named
from grader.sim.invariants import Broken
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    Decoder,
    Malformed,
    Message,
    RequestVote,
    RequestVoteReply,
)


@dataclass
class Stream:
    """The bytes of one connection in one direction."""

    sender: int
    receiver: int
    term: int  # the highest in it, or that its sender had shown in former lives
    decoder: Decoder = field(default_factory=Decoder)
    commit: int = 0  # the last commit index in it, of a node that keeps a log


class Witness:
    """Raises Broken when a rule is broken. Nodes are 1 to ``count``."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.leaders: dict[int, int] = {}  # by term
        self.messages = 0
        self._votes: dict[tuple[int, int], int] = {}  # by node and term
        self._grants: dict[tuple[int, int], set[int]] = {}  # by candidate and term
        self._shown = dict.fromkeys(range(1, count + 1), 0)  # the highest term of each node
        self._floor = dict(self._shown)  # as it was when the node was started last

    def stream(self, sender: int, receiver: int) -> Stream:
        """A new connection's."""
        return Stream(sender, receiver, self._floor[sender])

    def restarted(self, node: int) -> None:
        """All that the node sent in former lives has been seen."""
        self._floor[node] = self._shown[node]

    def ended(self, node: int) -> None:
        """It sends no more, until it is started again: for those who keep a record."""

    def leader(self, above: int = 0) -> tuple[int, int] | None:
        """The latest term above that one that has a leader, and who it is."""
        term = max(self.leaders, default=0)
        return (term, self.leaders[term]) if term > above else None

    def saw(self, stream: Stream, data: bytes) -> list[Message]:
        """More bytes of a connection; the messages that are whole now."""
        sender = stream.sender
        try:
            messages = stream.decoder.feed(data)
        except Malformed as fault:
            broken("messages are canonical", sender, f"it sends bytes that are no message: {fault}")
        for message in messages:
            self._judge(stream, message)
        self.messages += len(messages)
        return messages

    def _judge(self, stream: Stream, message: Message) -> None:
        sender = stream.sender
        if message.term < stream.term:
            broken(
                "terms never fall",
                sender,
                f"it sends {named(message)} after term {stream.term}",
            )
        stream.term = message.term
        self._shown[sender] = max(self._shown[sender], message.term)
        match message:
            case RequestVote():
                _named_right(sender, message.candidate_id, message)
                self._votes_for(sender, message.term, sender)
            case RequestVoteReply():
                if message.vote_granted:
                    self._votes_for(sender, message.term, stream.receiver)
                    grants = self._grants.setdefault((stream.receiver, message.term), set())
                    grants.add(sender)
            case AppendEntries():
                _named_right(sender, message.leader_id, message)
                self._leads(sender, message.term)
            case AppendEntriesReply():
                _named_right(sender, message.follower_id, message)

    def _votes_for(self, voter: int, term: int, candidate: int) -> None:
        before = self._votes.setdefault((voter, term), candidate)
        if before != candidate:
            broken(
                "one vote a term",
                voter,
                f"in term {term} it votes for node {candidate} after a vote for node {before}",
            )

    def _leads(self, node: int, term: int) -> None:
        before = self.leaders.setdefault(term, node)
        if before != node:
            broken("election safety", node, f"in term {term} nodes {before} and {node} lead")
        voters = self._grants.get((node, term), set()) | {node}
        if 2 * len(voters) <= self.count:
            broken(
                "a majority elects",
                node,
                f"it leads in term {term} with {len(voters)} of {self.count} votes",
            )


def _named_right(sender: int, name: int, message: Message) -> None:
    if name != sender:
        broken("messages name their sender", sender, f"it sends {named(message)}")


def broken(rule: str, node: int, words: str) -> NoReturn:
    """Raises Broken."""
    raise Broken(rule, node, f"node {node}: {words}")
