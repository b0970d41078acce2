"""What must hold after every event in a cluster, judged by the bytes that its servers send, by what
they save, and by what they say of themselves (Ongaro and Ousterhout, figures 2 and 3).
"""

from __future__ import annotations

import struct
from typing import Any, NoReturn, Protocol

from grader.sim.server import (
    ENTRY,
    LEADER,
    SAVE_VOTE,
    SEND,
    SYNC,
    Answer,
    Config,
    Effect,
    Entry,
    State,
)
from grader.wire.messages import Malformed
from grader.wire.messages import decode as decode_slowly
from grader.wire.table import ENTRY_SIZE, HEADER_SIZE, LAYOUTS

REQUEST, REPLY, APPEND, APPEND_REPLY = LAYOUTS  # types of messages: 1 to 4

# A decoded message is a tuple: type, payload_size, and the fields of its payload in wire order;
# entries are left out. The others are places in it.
_CODES = {
    number: struct.Struct("<II" + layout.code.format[1:]) for number, layout in LAYOUTS.items()
}
_SENDER = {REQUEST: 3, APPEND: 3, APPEND_REPLY: 3}
_COMMIT = {APPEND_REPLY: 6}  # a leader may tell each follower as much as it likes
_REPLY_TYPE = bytes([REPLY])
_FLAG = {REPLY: 3, APPEND_REPLY: 5}


# Rules that a part of a course of events may break where the whole does not.
NO_LEADER, DEPOSED = "a leader is elected", "a leader stays"
UNEQUAL, NOT_COMMITTED = "logs become equal", "what is proposed gets committed"
UNDECIDED = "a decision is reached"
FLOOD = "messages do not multiply"

# What no rule says: what a stage expects of a server after its last event.
ASKED = "what this stage expects"

# Each rule, and where it is from: the paper, or this project's own contracts.
RULES = {
    "election safety": "figure 3, and section 5.2",
    "a majority elects": "figure 2, Candidates",
    "one vote a term": "figure 2, RequestVote RPC, and section 5.2",
    "terms never fall": "section 5.1",
    "commit never falls": "figure 2, State",
    "save, then send": "figure 2, State: updated on stable storage before responding to RPCs",
    "promises outlive a restart": "figure 2, State: persistent on all servers",
    "a leader takes proposals": "figure 2, Leaders, and raft.h, raft_propose",
    "leader append-only": "figure 3, and section 5.3",
    "log matching": "figure 3, and section 5.3",
    "leader completeness": "figure 3, and section 5.4",
    "state machine safety": "figure 3, and section 5.4.3",
    "a majority commits": "figure 2, Leaders, and section 5.3",
    "a majority keeps what is committed": "section 5.3: a committed entry is durable",
    "entries of the current term commit": "section 5.4.2, and figure 8",
    "commit is bounded by what was checked": "figure 2, AppendEntries RPC, 5",
    "only conflicts are cut": "figure 2, AppendEntries RPC, 3",
    "what is acknowledged is there": "figure 2, AppendEntries RPC, 2 to 4",
    "replies answer requests": "protocol, section 2: log_index and ack",
    "nobody tells more than is committed": "figure 2, AppendEntries RPC; protocol, section 2",
    "a leader sends its own log": "figure 2, AppendEntries RPC, Arguments",
    "a leader's entries are of its term": "section 5.3, and figure 2, State",
    "terms in a log never fall": "section 5.3",
    "candidates tell their own log": "figure 2, RequestVote RPC, Arguments",
    "votes go to logs that are up to date": "figure 2, RequestVote RPC, 2, and section 5.4.1",
    "entries are saved in order": "raft.h, save_entry",
    "what is in the log is saved": "raft.h, save_entry",
    "entries are applied in order": "figure 2, All Servers, and raft.h, apply",
    UNEQUAL: "section 5.3: the leader repairs the logs of its followers",
    NOT_COMMITTED: "section 5.3, and figure 2, Leaders",
    NO_LEADER: "section 5.2, and 5.6 on timing",
    DEPOSED: "section 5.2, and 5.6 on timing",
    "messages are canonical": "protocol, section 2",
    "messages name their sender": "figure 2, RequestVote RPC and AppendEntries RPC",
    "messages go to other servers": "raft.h, send",
    "messages are accepted": "raft.h, raft_receive",
    "votes are for servers": "raft.h, save_vote",
    "raft_status makes sense": "raft.h, struct raft_status",
    "deadlines move on": "raft.h, raft_deadline",
    FLOOD: "figure 2, Leaders: what is sent without need are heartbeats",
    "a server lives on": "raft.h: every call returns",
    ASKED: "the handout's section on this stage",
}


class Broken(Exception):
    """A rule was broken: one of RULES, or of a later lab. ``words`` say what was seen; server 0
    is all of them.
    """

    def __init__(self, rule: str, server: int, words: str) -> None:
        super().__init__(f"{rule}: {words}")
        self.rule, self.server, self.words = rule, server, words

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.rule, self.server, self.words)


class Checks(Protocol):
    """What a cluster calls. Lab 6 has more of these, for the log: they see the same events."""

    def branch(self, server: int) -> Checks:
        """Another one that knows the same, for a course of events that is another one from here on:
        the next event is that server's. What they share must not change.
        """
        ...

    def started(self, server: int, state: State) -> None:
        """A server runs, with what it had saved."""
        ...

    def received(self, server: int, sender: int, message: bytes) -> None:
        """A message is about to be delivered."""
        ...

    def did(self, server: int, effects: list[Effect]) -> None:
        """What a server did, before any of it has taken place elsewhere. Raises Broken."""
        ...

    def became(self, server: int, state: State) -> None:
        """What a server says that it is, after all of an event. Raises Broken."""
        ...

    def crashed(self, server: int, survivors: list[Effect]) -> None:
        """Of what a server saved since its last sync, this outlived its crash."""
        ...

    def proposed(self, server: int, data: bytes, state: State) -> None:
        """What a server is after it was given that for its log, and has taken it or not. Raises
        Broken.
        """
        ...

    def settled(self, leader: int) -> None:
        """All servers have long followed that leader, on a network without faults. Raises
        Broken.
        """
        ...


def decode(message: bytes) -> tuple[int, ...]:
    """The fields of a canonical message, without entries. Raises Malformed."""
    number = message[0] if message else 0
    code = _CODES.get(number)
    if code is not None and code.size <= len(message):
        fields = code.unpack_from(message)
        flag = _FLAG.get(number)
        if (
            fields[0] == number
            and fields[1] == len(message) - HEADER_SIZE
            and min(fields) >= 0
            and (flag is None or fields[flag] <= 1)
            and _end(message, fields[-1] if number == APPEND else 0, code.size) == len(message)
        ):
            return fields
    decode_slowly(message)
    return _CODES[number].unpack_from(message)


def _end(message: bytes, entries: int, at: int) -> int:
    """Where so many entries end that begin there; -1 if that is no place in the message."""
    for _ in range(entries):
        if at + ENTRY_SIZE > len(message):
            return -1
        term, size = ENTRY.unpack_from(message, at)
        at += ENTRY_SIZE + size
        if term < 0:
            return -1
    return at


def entries_of(message: bytes) -> list[Entry]:
    """The entries of a canonical AppendEntries request."""
    found = []
    at = _CODES[APPEND].size
    while at < len(message):
        term, size = ENTRY.unpack_from(message, at)
        at += ENTRY_SIZE + size
        found.append((term, message[at - size : at]))
    return found


class _Server:
    """What is known of one server. It outlives crashes, but for what is set anew at a start."""

    def __init__(self) -> None:
        self.saved = self.synced = (0, 0)  # term and vote
        self.term = 0  # the highest that it has shown
        self.commit = 0
        self.votes: dict[int, int] = {}  # that it promised, by term
        self.grants: tuple[int, set[int]] = (0, set())  # that it got: their term, and from whom

    def copied(self) -> _Server:
        other = object.__new__(_Server)
        other.__dict__.update(self.__dict__)
        other.votes, other.grants = dict(self.votes), (self.grants[0], set(self.grants[1]))
        return other


class Elections:
    """The invariants of elections. Without ``durable`` nobody asks what was saved before a message
    was sent.
    """

    def __init__(self, config: Config, durable: bool = True) -> None:
        self._count, self._durable = config.servers, durable
        self._servers = [_Server() for _ in range(config.servers + 1)]
        self.leaders: dict[int, int] = {}  # by term

    def branch(self, server: int) -> Elections:
        other = object.__new__(Elections)
        other.__dict__.update(self.__dict__)
        other._servers, other.leaders = self._servers[:], dict(self.leaders)
        other._servers[server] = self._servers[server].copied()
        return other

    def started(self, server: int, state: State) -> None:
        known = self._servers[server]
        known.term, known.commit, known.grants = known.synced[0], 0, (0, set())
        if (state[3], state[4]) != known.synced:
            broken(
                "promises outlive a restart",
                server,
                f"it starts with term {state[3]} and a vote "
                f"for {state[4]}, and had saved {known.synced[0]} and {known.synced[1]}",
            )

    def received(self, server: int, sender: int, message: bytes) -> None:
        known = self._servers[server]
        if message[:1] != _REPLY_TYPE or not self._is_other(sender, server):
            return
        try:
            _, _, term, granted = decode(message)
        except Malformed:
            return
        if granted:
            if term > known.grants[0]:
                known.grants = (term, {server})
            if term == known.grants[0]:
                known.grants[1].add(sender)

    def _is_other(self, one: int, server: int) -> bool:
        return 1 <= one <= self._count and one != server

    def did(self, server: int, effects: list[Effect]) -> None:
        known = self._servers[server]
        for effect in effects:
            kind = effect[0]
            if kind == SEND:
                self._sent(server, known, effect[1], effect[2])
            elif kind == SYNC:
                known.synced = known.saved
            elif kind == SAVE_VOTE:
                self._saved(server, known, effect[1], effect[2])

    def _saved(self, server: int, known: _Server, term: int, vote: int) -> None:
        old_term, old_vote = known.saved
        if term < old_term:
            broken("terms never fall", server, f"it saves term {term} after term {old_term}")
        if term == old_term and old_vote and vote != old_vote:
            broken(
                "one vote a term",
                server,
                f"in term {term} it votes for {_who(vote)} after a vote for server {old_vote}",
            )
        if not 0 <= vote <= self._count:
            broken("votes are for servers", server, f"it saves a vote for {vote}")
        known.saved = (term, vote)

    def _sent(self, server: int, known: _Server, to: int, message: bytes) -> None:
        if not self._is_other(to, server):
            broken("messages go to other servers", server, f"it sends a message to {to}")
        try:
            fields = decode(message)
        except Malformed as fault:
            broken("messages are canonical", server, f"it sends bytes that are no message: {fault}")
        kind, term = fields[0], fields[2]
        if term < known.term:
            broken("terms never fall", server, f"it sends term {term} after term {known.term}")
        known.term = term
        if self._durable and term > known.synced[0]:
            broken(
                "save, then send",
                server,
                f"it sends a message of term {term}, and has synced term {known.synced[0]} only",
            )
        if kind in _SENDER and fields[_SENDER[kind]] != server:
            broken(
                "messages name their sender",
                server,
                f"it says that it is server {fields[_SENDER[kind]]}",
            )
        if kind == APPEND:
            self._leads(server, known, term)
        if kind == REQUEST or (kind == REPLY and fields[3]):
            self._votes(server, known, term, server if kind == REQUEST else to)
        if kind in _COMMIT:
            self._commits(server, known, fields[_COMMIT[kind]])

    def _votes(self, server: int, known: _Server, term: int, candidate: int) -> None:
        before = known.votes.setdefault(term, candidate)
        if before != candidate:
            broken(
                "one vote a term",
                server,
                f"in term {term} it votes for server {candidate} after a vote for server {before}",
            )
        if self._durable and known.synced != (term, candidate):
            broken(
                "save, then send",
                server,
                f"it sends its vote for server {candidate} in term "
                f"{term}, and has synced {_vote(known.synced)}",
            )

    def _leads(self, server: int, known: _Server, term: int) -> None:
        if self.leaders.get(term) == server:
            return
        before = self.leaders.setdefault(term, server)
        if before != server:
            broken("election safety", server, f"in term {term} servers {before} and {server} lead")
        voters = known.grants[1] if known.grants[0] == term else {server}
        if 2 * len(voters) <= self._count:
            broken(
                "a majority elects",
                server,
                f"it leads in term {term} with {len(voters)} of {self._count} votes",
            )

    def _commits(self, server: int, known: _Server, commit: int) -> None:
        if commit < known.commit:
            broken(
                "commit never falls",
                server,
                f"its commit index falls from {known.commit} to {commit}",
            )
        known.commit = commit

    def became(self, server: int, state: State) -> None:
        known = self._servers[server]
        _, _, role, term, vote, leader, _, commit = state
        if not (0 <= role <= LEADER and 0 <= vote <= self._count and 0 <= leader <= self._count):
            broken(
                "raft_status makes sense",
                server,
                f"it says role {role}, vote {vote}, leader {leader}",
            )
        if term < known.term:
            broken("terms never fall", server, f"its term is {term} after {known.term}")
        known.term = term
        if state[2] == LEADER:
            self._leads(server, known, term)
        if commit != known.commit:
            self._commits(server, known, commit)

    def crashed(self, server: int, survivors: list[Effect]) -> None:
        known = self._servers[server]
        for effect in survivors:
            if effect[0] == SAVE_VOTE:
                known.synced = effect[1:]
        known.saved = known.synced

    def proposed(self, server: int, data: bytes, state: State) -> None:
        """There is no log."""

    def settled(self, leader: int) -> None:
        """Nothing is left to come."""


def broken(rule: str, server: int, words: str) -> NoReturn:
    raise Broken(rule, server, f"server {server}: {words}")


def _who(vote: int) -> str:
    return f"server {vote}" if vote else "nobody"


def _vote(saved: tuple[int, int]) -> str:
    return f"term {saved[0]} and a vote for {_who(saved[1])} only"


def check_all(checks: list[Checks], server: int, answer: Answer) -> None:
    """All of an event: what a server did, and what it is now."""
    effects, state = answer
    for one in checks:
        if effects:
            one.did(server, effects)
        one.became(server, state)
