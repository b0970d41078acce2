"""A node of the student's among peers that the grader plays: they keep a log as figure 2 says, and
answer when the stage wants them to.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.labs.lab5.node import Home, Node, addresses, file_of
from grader.labs.lab5.peer import Link, Peer, peers_of
from grader.labs.lab6.played import Played as Replica
from grader.labs.lab6.played import one_before
from grader.labs.stage import Attempt
from grader.report import escape
from grader.run.client import Client
from grader.sim.server import Entry
from grader.verdicts import Diagnosis, Hang, StageFailure, fail
from grader.wire.messages import (
    AppendEntries,
    LogEntry,
    Message,
    RequestVote,
    RequestVoteReply,
    encode,
)

PROGRAM = "kvraft"
OK, ERROR, ABSENT = b"+OK\r\n", b"-ERROR\r\n", b"*1\r\n$3\r\nnil\r\n"
OWN = 2  # of three
LONGEST_S = 0.15  # election timeout of a node that is to lead
# A leader may send one entry with each heartbeat, and no more.
_OFTEN = ("--heartbeat", "10")
LEADS = (*_OFTEN, "--election-timeout", "150-150")
LEADS_LATER = (*_OFTEN, "--election-timeout", "1000-1000")  # lets nobody wait in vain
# It has time for what is large, and may send all of that again with each heartbeat.
LEADS_LATE = ("--heartbeat", "500", "--election-timeout", "3000-3000")
_LAST = (0, 0)
_TRIES = 4

NOT_CLOSED = Diagnosis(
    "not-closed",
    "who waits for an outcome that is not known is told so by the end of the connection: when the "
    "node leads no more, or ten longest election timeouts after the request",
)


class Follower:
    """What a node does that never stands. It answers at once, or keeps what it is asked in
    ``held``.
    """

    def __init__(self, peer: Peer) -> None:
        self.peer, self.id = peer, peer.id
        self.term = self._voted_for = 0
        self._replica = Replica(peer.id, hint=one_before)
        self.grants = self.answers = True
        self.held: list[tuple[Link, AppendEntries]] = []
        self.seen: dict[int, LogEntry] = {}  # what the leader has sent, by index, answered or not
        self.requests = 0
        peer.on_message = self._on_message

    @property
    def log(self) -> list[Entry]:
        """Its own."""
        return self._replica.log

    @property
    def last(self) -> tuple[int, int]:
        """Index and term of its last entry."""
        return (len(self.log), self.log[-1][0]) if self.log else _LAST

    def _on_message(self, link: Link, message: Message) -> None:
        if message.term > self.term:
            self.term, self._voted_for = message.term, 0
        match message:
            case RequestVote() if self.grants:
                self._vote(link, message)
            case AppendEntries() if message.term == self.term:
                self._see(message)
                self.held.append((link, message))
                if self.answers:
                    self.answer()

    def _vote(self, link: Link, request: RequestVote) -> None:
        last = (request.last_log_term, request.last_log_index)
        is_free = self._voted_for in (0, request.candidate_id)
        grants = request.term == self.term and is_free and last >= (self.last[1], self.last[0])
        if grants:
            self._voted_for = request.candidate_id
        link.send(encode(RequestVoteReply(self.term, int(grants))))

    def _see(self, request: AppendEntries) -> None:
        self.requests += 1
        for index, entry in enumerate(request.entries, request.prev_log_index + 1):
            self.seen[index] = entry

    def answer(self, most: int | None = None) -> None:
        """What it was asked and has not answered yet, in order; at most so many of them."""
        now, self.held = self.held[:most], [] if most is None else self.held[most:]
        for link, request in now:
            if request.term == self.term and link.is_open():
                link.send(encode(self._replica.answer(request)))


class Played:
    """The node, two other ones, and what they agree on. The node starts at construction."""

    def __init__(self, attempt: Attempt, *options: str) -> None:
        self.attempt, self.world, self.options = attempt, attempt.world, options
        nodes = addresses(3)
        self.peers = peers_of(attempt, nodes, OWN)
        self.others = {id: Follower(peer) for id, peer in self.peers.items()}
        others = [one for one in nodes if one != nodes[OWN - 1]]
        self.home = Home(attempt, nodes[OWN - 1], file_of(nodes[OWN - 1], others), PROGRAM)
        self.node = Node(self.home, *options)

    def restart(self, *options: str) -> None:
        """SIGKILL, and another life with what it had kept."""
        self.node.kill()
        self.node = Node(self.home, *(options or self.options))

    def end(self) -> None:
        """SIGKILL: other nodes of the stage run on, as Trio.kill says."""
        self.node.kill()
        for peer in self.peers.values():
            peer.close()

    @property
    def term(self) -> int:
        return max(one.term for one in self.others.values())

    def elected(self, above: int = 0) -> int:
        """The node leads in a term above that one, by the others' votes; the term."""
        for one in self.others.values():
            one.grants = True

        def leads() -> bool:
            return any(
                isinstance(message, AppendEntries) and message.term > above
                for one in self.others.values()
                for _, message in one.peer.inbox
            )

        try:
            self.world.wait(leads, "the node to lead: both other ones vote for it")
        except Hang as hang:
            hang.diagnosis = Diagnosis("no-leader", "it stands, gets two votes, and has to lead")
            raise
        return self.term

    def hold(self) -> None:
        """The others keep what the leader asks, and say nothing."""
        for one in self.others.values():
            one.answers = False

    def go_on(self) -> None:
        """The others answer all that waits, and at once from now on."""
        for one in self.others.values():
            one.answers = True
            one.answer()

    def wait_entry(self, data: bytes, what: str) -> Follower:
        """Until one of the others was sent it: that one. The other one may have to answer first
        what it was sent before.
        """

        def found() -> list[Follower]:
            return [
                one
                for one in self.others.values()
                if any(entry.data == data for entry in one.seen.values())
            ]

        try:
            self.world.wait(lambda: bool(found()), f"the entry of {what}")
        except Hang as hang:
            hang.diagnosis = Diagnosis(
                "not-proposed",
                "a leader appends the client's request to its log, byte for byte, and sends it",
            )
            raise
        return found()[0]

    def wait_requests(self, count: int) -> None:
        """Until each of the others was asked so many times more."""
        before = {id: one.requests + count for id, one in self.others.items()}
        self.world.wait(
            lambda: all(one.requests >= before[one.id] for one in self.others.values()),
            "the leader's next heartbeats",
        )

    def entries(self) -> list[bytes]:
        """The data of what was sent, in order of indexes, without no-ops."""
        everything: dict[int, LogEntry] = {}
        for one in self.others.values():
            everything |= one.seen
        return [everything[index].data for index in sorted(everything) if everything[index].data]

    def leads_instead(
        self, id: int, entries: Sequence[LogEntry] = (), commits: bool = False
    ) -> Link:
        """Another node leads in a new term, by all that the others have answered, and sends these
        entries behind it. The connection that it asks by.
        """
        term = self.term + 1
        longest = max(self.others.values(), key=lambda one: (one.last[1], one.last[0]))
        (prev, prev_term) = longest.last
        log = longest.log + [(entry.term, entry.data) for entry in entries]
        for one in self.others.values():
            one.term, one.held = term, []
            one.grants, one.log[:] = False, log
        commit = prev + len(entries) if commits else 0
        link = self.peers[id].dial(self.node)
        link.send(encode(AppendEntries(term, id, prev, prev_term, commit, 1, tuple(entries))))
        return link


def expect(client: Client, data: bytes, what: str, diagnosis: Diagnosis) -> None:
    """Exactly this comes; the diagnosis is of what else comes."""
    try:
        client.expect(data, what)
    except StageFailure as failure:
        failure.diagnosis = diagnosis
        raise


def goes_through(
    played: Played, request: bytes, reply: bytes, what: str, diagnosis: Diagnosis
) -> None:
    """A client gets this reply to a request that may be repeated. Where the machine is too slow for
    the node's longest wait, the connection may end first, or a word comes that it was not done, and
    it is asked again.
    """
    for left in reversed(range(_TRIES)):
        client = played.node.call(f"a client that waits for {what}")
        client.send(request)
        word = wait_word(client, what, diagnosis)
        if not left or not (word == b"" or word.startswith((b"+TRYAGAIN", b"+MOVED"))):
            expect(client, reply, what, diagnosis)
            client.close()
            return


def wait_word(client: Client, what: str, diagnosis: Diagnosis) -> bytes:
    """What has come when anything has, or at the end of the connection: nothing. The diagnosis is
    of a wait in vain.
    """
    try:
        client.world.wait(lambda: bool(client.came() or client.ended), f"{what} to {client.name}")
    except Hang as hang:
        hang.diagnosis = diagnosis
        raise
    if client.came():
        client.world.log(client.name, "receives", bytes(client.came()))
    return bytes(client.came()[:40])


def expect_no_word(client: Client, what: str) -> None:
    """The connection ends, by FIN or RST, and nothing came before that."""
    wait_word(client, f"the end without a reply ({what})", NOT_CLOSED)
    expect_silence(client, what)


def expect_closed(client: Client, what: str, diagnosis: Diagnosis) -> None:
    """The connection ends, by FIN or RST, and nothing comes before that."""
    if wait_word(client, f"the end of the connection, {what},", diagnosis):
        came = escape.one_line(bytes(client.came()[:40]), 40)
        fail(f"{client.name} gets {came}, and the end is due, {what}", diagnosis)


def expect_silence(client: Client, what: str) -> None:
    """Nothing has come."""
    came = bytes(client.came()[:60])
    if not came:
        return
    if came.startswith((b"+MOVED", b"+TRYAGAIN")):
        diagnosis = Diagnosis(
            "refused-but-pending",
            "+MOVED and +TRYAGAIN say that it was not done, and never will be: this one may",
        )
    elif came.startswith(b"+OK"):
        diagnosis = Diagnosis("ok-too-early", "a write is done when a majority has it, not before")
    else:
        diagnosis = Diagnosis("answered-too-early", "what it says is not known yet")
    fail(f"{client.name} gets {escape.one_line(came, 40)}: {what}", diagnosis)
