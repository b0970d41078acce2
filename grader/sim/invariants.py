"""What must hold after every event in a cluster, judged by the bytes that its servers send, by what
they save, and by what they say of themselves (Ongaro and Ousterhout, figures 2 and 3).
"""

from __future__ import annotations

import struct
from typing import NoReturn, Protocol

from grader.sim.server import LEADER, SAVE_VOTE, SEND, SYNC, Answer, Config, Effect, State
from grader.wire.messages import Malformed
from grader.wire.messages import decode as decode_slowly
from grader.wire.table import HEADER_SIZE, LAYOUTS

REQUEST, REPLY, APPEND, APPEND_REPLY = LAYOUTS  # types of messages: 1 to 4

# A decoded message is a tuple: type, payload_size, and the fields of its payload in wire order;
# entries are left out. The others are places in it.
_CODES = {
    number: struct.Struct("<II" + layout.code.format[1:]) for number, layout in LAYOUTS.items()
}
_SENDER = {REQUEST: 3, APPEND: 3, APPEND_REPLY: 3}
_COMMIT = {APPEND: 6, APPEND_REPLY: 6}
_FLAG = {REPLY: 3, APPEND_REPLY: 5}


# Each rule, and where it is from: the paper, or this project's own contracts.
RULES = {
    "election safety": "figure 3, and section 5.2",
    "a majority elects": "figure 2, Candidates",
    "one vote a term": "figure 2, RequestVote RPC, and section 5.2",
    "terms never fall": "section 5.1",
    "commit never falls": "figure 2, State",
    "save, then send": "figure 2, State: updated on stable storage before responding to RPCs",
    "promises outlive a restart": "figure 2, State: persistent on all servers",
    "a leader is elected": "section 5.2, and 5.6 on timing",
    "a leader stays": "section 5.2, and 5.6 on timing",
    "messages are canonical": "protocol, section 2",
    "messages name their sender": "figure 2, RequestVote RPC and AppendEntries RPC",
    "messages go to other servers": "raft.h, send",
    "messages are accepted": "raft.h, raft_receive",
    "votes are for servers": "raft.h, save_vote",
    "deadlines move on": "raft.h, raft_deadline",
    "a server lives on": "raft.h: every call returns",
}


class Broken(Exception):
    """A rule was broken: one of RULES, or of a later lab. ``words`` say what was seen; server 0
    is all of them.
    """

    def __init__(self, rule: str, server: int, words: str) -> None:
        super().__init__(f"{rule}: {words}")
        self.rule, self.server, self.words = rule, server, words


class Checks(Protocol):
    """What a cluster calls. Lab 6 has more of these, for the log: they see the same events."""

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


def decode(message: bytes) -> tuple[int, ...]:
    """The fields of a canonical message, without entries. Raises Malformed."""
    number = message[0] if message else 0
    code = _CODES.get(number)
    if code is not None and code.size == len(message):
        fields = code.unpack(message)
        flag = _FLAG.get(number)
        if (
            fields[0] == number
            and fields[1] == len(message) - HEADER_SIZE
            and min(fields) >= 0
            and (number != APPEND or not fields[-1])
            and (flag is None or fields[flag] <= 1)
        ):
            return fields
    decode_slowly(message)
    return _CODES[number].unpack_from(message)


class _Server:
    """What is known of one server. It outlives crashes, but for what is set anew at a start."""

    def __init__(self) -> None:
        self.saved = self.synced = (0, 0)  # term and vote
        self.term = 0  # the highest that it has shown
        self.commit = 0
        self.votes: dict[int, int] = {}  # that it promised, by term
        self.grants: tuple[int, set[int]] = (0, set())  # that it got: their term, and from whom


class Elections:
    """The invariants of elections."""

    def __init__(self, config: Config) -> None:
        self._count = config.servers
        self._servers = [_Server() for _ in range(config.servers + 1)]
        self.leaders: dict[int, int] = {}  # by term

    def started(self, server: int, state: State) -> None:
        known = self._servers[server]
        known.term, known.commit, known.grants = known.synced[0], 0, (0, set())
        if (state[3], state[4]) != known.synced:
            _broken(
                "promises outlive a restart",
                server,
                f"it starts with term {state[3]} and a vote "
                f"for {state[4]}, and had saved {known.synced[0]} and {known.synced[1]}",
            )

    def received(self, server: int, sender: int, message: bytes) -> None:
        if message[0] != REPLY:
            return
        _, _, term, granted = decode(message)
        known = self._servers[server]
        if granted:
            if term > known.grants[0]:
                known.grants = (term, {server})
            if term == known.grants[0]:
                known.grants[1].add(sender)

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
            _broken("terms never fall", server, f"it saves term {term} after term {old_term}")
        if term == old_term and old_vote and vote != old_vote:
            _broken(
                "one vote a term",
                server,
                f"in term {term} it votes for {_who(vote)} after a vote for server {old_vote}",
            )
        if not 0 <= vote <= self._count:
            _broken("votes are for servers", server, f"it saves a vote for {vote}")
        known.saved = (term, vote)

    def _sent(self, server: int, known: _Server, to: int, message: bytes) -> None:
        if not 1 <= to <= self._count or to == server:
            _broken("messages go to other servers", server, f"it sends a message to {to}")
        try:
            fields = decode(message)
        except Malformed as fault:
            _broken(
                "messages are canonical", server, f"it sends bytes that are no message: {fault}"
            )
        kind, term = fields[0], fields[2]
        if term < known.term:
            _broken("terms never fall", server, f"it sends term {term} after term {known.term}")
        known.term = term
        if term > known.synced[0]:
            _broken(
                "save, then send",
                server,
                f"it sends a message of term {term}, and has synced term {known.synced[0]} only",
            )
        if kind in _SENDER and fields[_SENDER[kind]] != server:
            _broken(
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
            _broken(
                "one vote a term",
                server,
                f"in term {term} it votes for server {candidate} after a vote for server {before}",
            )
        if known.synced != (term, candidate):
            _broken(
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
            _broken("election safety", server, f"in term {term} servers {before} and {server} lead")
        voters = known.grants[1] if known.grants[0] == term else {server}
        if 2 * len(voters) <= self._count:
            _broken(
                "a majority elects",
                server,
                f"it leads in term {term} with {len(voters)} of {self._count} votes",
            )

    def _commits(self, server: int, known: _Server, commit: int) -> None:
        if commit < known.commit:
            _broken(
                "commit never falls",
                server,
                f"its commit index falls from {known.commit} to {commit}",
            )
        known.commit = commit

    def became(self, server: int, state: State) -> None:
        known = self._servers[server]
        term, commit = state[3], state[7]
        if term < known.term:
            _broken("terms never fall", server, f"its term is {term} after {known.term}")
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


def _broken(rule: str, server: int, words: str) -> NoReturn:
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
