"""What must hold of logs after every event in a cluster (Ongaro and Ousterhout, figures 2 and 3).

What an entry is, index and term say: whoever has one of them has all that is before it as any other
server has it. So each entry is looked at once where it is saved, and a log is known by its end.
"""

from __future__ import annotations

from grader.sim.invariants import (
    APPEND,
    APPEND_REPLY,
    NOT_COMMITTED,
    REPLY,
    REQUEST,
    UNEQUAL,
    broken,
    decode,
)
from grader.sim.log_commits import Commits
from grader.sim.log_messages import (
    COMMIT,
    COUNT,
    GRANTED,
    INDEX,
    LAST_INDEX,
    LAST_TERM,
    PREV,
    SEQ,
    SUCCESS,
    TERM,
    WHO,
    conflict,
    grants,
    has_sent,
    replies,
    stands,
)
from grader.sim.log_model import Fields, Known
from grader.sim.server import (
    APPLY,
    LEADER,
    SAVE_ENTRY,
    SAVE_VOTE,
    SEND,
    SYNC,
    Config,
    Effect,
    State,
)
from grader.wire.messages import Malformed

_MOST_DATA = 1 << 20  # bytes that each leader takes, if its log is not full
_MOST_PENDING = 7  # requests that a server may leave for later, and one more


class Logs:
    """The invariants of logs. Without ``durable`` nobody asks what was synced before it was
    acknowledged or counted; that it is saved is how a log is known.
    """

    def __init__(self, config: Config, durable: bool = True) -> None:
        self._count, self._durable = config.servers, durable
        self._servers = [Known() for _ in range(config.servers + 1)]
        self._known: dict[tuple[int, int], tuple[int, bytes]] = {}  # index, term: term before; data
        self._commits = Commits(self._servers, durable)
        self._receive = {
            APPEND: self._asked_to_append,
            APPEND_REPLY: self._acknowledged,
            REQUEST: self._asked_for_vote,
        }

    def branch(self, server: int) -> Logs:
        other = Logs.__new__(Logs)
        other.__dict__.update(self.__dict__)
        other._servers, other._known = self._servers[:], dict(self._known)
        other._servers[server] = self._servers[server].copied()
        other._commits = self._commits.branch(other._servers)
        other._receive = {
            APPEND: other._asked_to_append,
            APPEND_REPLY: other._acknowledged,
            REQUEST: other._asked_for_vote,
        }
        return other

    # --- a server starts, and crashes ---

    def started(self, server: int, state: State) -> None:
        known = self._servers[server]
        known.begin_life(state[3])
        known.exists = True
        if state[6] != len(known.log.durable):
            broken(
                "promises outlive a restart",
                server,
                f"it starts with a log that ends at index {state[6]}, and "
                f"{len(known.log.durable)} entries were saved",
            )

    def crashed(self, server: int, survivors: list[Effect]) -> None:
        known = self._servers[server]
        known.log.crash(survivors)
        known.role = 0
        if not known.exists:  # this is what it begins with
            known.exists = True
            terms = [0, *(term for term, _ in known.log.entries)]
            for index, (term, data) in enumerate(known.log.entries, 1):
                self._known.setdefault((index, term), (terms[index - 1], data))
        else:
            self._commits.outlives(server)

    # --- what it receives ---

    def received(self, server: int, sender: int, message: bytes) -> None:
        receive = self._receive.get(message[0]) if message else None
        if receive is None:
            return
        try:
            fields = decode(message)
        except Malformed:
            return
        if 1 <= fields[WHO] <= self._count and fields[WHO] != server:
            receive(self._servers[server], message, fields)

    def _asked_to_append(self, known: Known, message: bytes, fields: Fields) -> None:
        term = fields[TERM]
        known.requests[term, fields[WHO], fields[SEQ]] = message, fields
        if term >= known.term:
            known.pending = [*known.pending[-_MOST_PENDING:], (message, fields)]
            known.allowed = max(known.allowed, min(fields[COMMIT], fields[PREV] + fields[COUNT]))

    def _acknowledged(self, known: Known, _: bytes, fields: Fields) -> None:
        """What is beyond the leader's own log tells it nothing."""
        index, follower = fields[INDEX], fields[WHO]
        if (
            fields[SUCCESS]
            and known.role == LEADER
            and fields[TERM] == known.term
            and known.matches.get(follower, 0) < index <= known.log.length
        ):
            known.matches[follower] = index

    def _asked_for_vote(self, known: Known, _: bytes, fields: Fields) -> None:
        known.asked[fields[TERM], fields[WHO]] = fields[LAST_TERM], fields[LAST_INDEX]

    # --- what it does ---

    def did(self, server: int, effects: list[Effect]) -> None:
        known = self._servers[server]
        for effect in effects:
            kind = effect[0]
            if kind == SEND:
                self._sent(server, known, effect[1], effect[2])
            elif kind == SYNC:
                known.log.sync()
            elif kind == SAVE_ENTRY:
                self._saved(server, known, effect)
            elif kind == APPLY:
                self._applied(server, known, effect)
            elif kind == SAVE_VOTE and effect[1] > known.term:
                known.term = effect[1]

    def _saved(self, server: int, known: Known, effect: Effect) -> None:
        _, index, term, data = effect
        log = known.log
        if not 1 <= index <= log.length + 1:
            broken(
                "entries are saved in order",
                server,
                f"it saves entry {index}, and its log ends at {log.length}",
            )
        before = log.term(index - 1)
        if term < before:
            broken(
                "terms in a log never fall",
                server,
                f"entry {index} is of term {term}, and the one before it of term {before}",
            )
        found = self._known.setdefault((index, term), (before, data))
        if found != (before, data):
            differs = "comes after another one" if found[0] != before else "has other data"
            broken(
                "log matching",
                server,
                f"entry {index} of term {term} {differs} than it had anywhere before",
            )
        log.save(effect)

    def _applied(self, server: int, known: Known, effect: Effect) -> None:
        _, index, *entry = effect
        log = known.log
        if index != known.applied + 1:
            broken(
                "entries are applied in order",
                server,
                f"it applies entry {index}, and in this life the last was {known.applied}",
            )
        if index > log.length or log.entries[index - 1] != (entry[0], entry[1]):
            broken(
                "entries are applied in order",
                server,
                f"it applies entry {index} as one of term {entry[0]}; in its log "
                f"{log.differs(index, entry[0])}",
            )
        known.applied = index
        self._commits.raised(server, known, index, known.role == LEADER)

    # --- what it sends ---

    def _sent(self, server: int, known: Known, to: int, message: bytes) -> None:
        fields = decode(message)
        kind = fields[0]
        known.speaks = True
        if kind == APPEND:
            known.asks_in = fields[TERM]
        if kind in (APPEND, APPEND_REPLY):
            known.sent.append((to, message, fields))
            known.told = max(known.told, fields[COMMIT])  # at the same place in both
            if self._durable:
                self._commits.raised(server, known, fields[COMMIT], known.role == LEADER)
        if kind == APPEND_REPLY:
            replies(server, known, to, fields, self._durable)
        elif kind == REQUEST:
            stands(server, known.log, fields)
        elif kind == REPLY and fields[GRANTED]:
            grants(server, known, fields[TERM], to)

    # --- what it is after that ---

    def became(self, server: int, state: State) -> None:
        known = self._servers[server]
        log = known.log
        _, _, role, term, _, _, last, commit = state
        known.term = max(term, known.term)
        if last != log.length or log.first_saved:
            self._has(server, known, state)
        if commit > known.commit:
            self._commits.raised(server, known, commit, role == LEADER)
        if role == LEADER and known.led != term:
            known.led, known.matches = term, {}
            self._commits.leads(server, log, term)
        known.role = role
        if known.sent:
            has_sent(server, known, state, self._durable)
        if known.applied > commit:
            broken(
                "entries are applied in order",
                server,
                f"it has applied entry {known.applied}, and says that its commit index is {commit}",
            )
        known.was_committed, known.speaks = known.commit, False
        if known.answered:
            known.pending = [
                one for one in known.pending if (one[1][WHO], one[1][SEQ]) not in known.answered
            ]
            known.answered = []

    def _has(self, server: int, known: Known, state: State) -> None:
        """Its log is another one after this event. What is saved before the next message may be
        part of it already.
        """
        log, (_, _, role, term, _, _, last, _) = known.log, state
        if last > log.length:
            if known.speaks:
                broken(
                    "what is in the log is saved",
                    server,
                    f"it says that its log ends at {last}, and it saved entries up to {log.length}"
                    + log.saved_again(),
                )
            last = log.length
        if log.term(last) > term:
            broken(
                "terms in a log never fall",
                server,
                f"entry {last} is of term {log.term(last)}, and the server itself in term {term}",
            )
        lost = log.lost(last)
        if lost:
            self._cuts(server, known, state, lost)
        first = log.first_saved
        if role == LEADER and first and not known.pending and log.term(first) != term:
            broken(
                "a leader's entries are of its term",
                server,
                f"it leads in term {term}, and appends an entry of term {log.term(first)}",
            )
        log.end_event(last)

    def _cuts(self, server: int, known: Known, state: State, lost: int) -> None:
        if lost <= known.was_committed:
            broken(
                "state machine safety",
                server,
                f"it drops entry {lost}, and its commit index is {known.was_committed}",
            )
        if state[2] == LEADER and (known.led == state[3] or not known.pending):
            broken(
                "leader append-only",
                server,
                f"it leads in term {state[3]}, and drops entry {lost} of its own log",
            )
        found = [conflict(known.log, *request) for request in known.pending]
        first = min(filter(None, found), default=0)
        if first == 0 or lost < first:
            asked = (
                "no leader asked for that"
                if not known.pending
                else "that conflicts with nothing in the request"
                if first == 0
                else f"the first entry that conflicts with the request is {first}"
            )
            broken("only conflicts are cut", server, f"it drops entry {lost}, and {asked}")

    def settled(self, leader: int) -> None:
        """All servers should have that leader's log by now, and have applied all of it."""
        log = self._servers[leader].log
        last = log.length, log.term(log.length)
        for server, known in enumerate(self._servers[1:], 1):
            end = known.log.length, known.log.term(known.log.length)
            if end != last:
                broken(
                    UNEQUAL,
                    server,
                    f"its log ends with {end[0]}/{end[1]} (index/term), and that of server "
                    f"{leader}, which all have followed for long, with {last[0]}/{last[1]}",
                )
            if min(known.commit, known.applied) < last[0]:
                broken(
                    NOT_COMMITTED,
                    server,
                    f"its commit index is {known.commit}, and it has applied entries up to "
                    f"{known.applied}; all servers have had a log up to {last[0]} for long",
                )

    def proposed(self, server: int, data: bytes, state: State) -> None:
        """A leader may take none until it has told that it leads."""
        _, index, role, term, _, _, last, _ = state
        known = self._servers[server]
        if index == 0:
            wrong = role == LEADER and known.asks_in == term and len(data) <= _MOST_DATA
        else:
            is_last = index == last and known.log.entries[index - 1 :] == [(term, data)]
            wrong = role != LEADER or not is_last
        if wrong:
            broken(
                "a leader takes proposals",
                server,
                f"raft_propose returns {index} with a log that ends at {last}, and it is "
                f"{'the leader' if role == LEADER else 'no leader'}",
            )
