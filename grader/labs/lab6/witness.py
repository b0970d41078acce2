"""What the bytes between nodes say of their logs: the rules of replication, judged from outside.

As in lab 5, what caused a message was seen before it. A log is known as far as its entries were
sent: those of a leader's own term always, since nobody else has them before.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict

from grader.labs.lab5.witness import Stream, Witness, broken
from grader.wire.messages import AppendEntries, AppendEntriesReply, LogEntry, Message

Place = tuple[int, int]  # index and term
_DIGEST = 12  # bytes that stand for the data of an entry


class LogWitness(Witness):
    """Raises Broken when a rule is broken."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.commit = 0  # the highest that a leader has told
        self._entries: dict[Place, tuple[bytes, int]] = {}  # its data, and the term before it
        self._logs: dict[int, dict[int, int]] = defaultdict(dict)  # of a term's leader: by index
        self._committed: dict[int, Place] = {}  # by index: its term, and that of who told it
        self._checked: dict[int, int] = {}  # of a term's leader: committed up to here, and compared
        self._matches: dict[tuple[int, int], int] = {}  # by leader's term and follower
        self._asked: dict[tuple[int, int, int], int] = {}  # by term, follower and seq
        self._may: dict[int, int] = defaultdict(int)  # the highest commit index a node may know

    def forget(self, before: int) -> None:
        """What came before that index, and before the latest terms. It is learnt anew where it is
        sent again.
        """
        latest = max(self.leaders, default=0)
        self._entries = {at: one for at, one in self._entries.items() if at[0] >= before}
        self._committed = {at: one for at, one in self._committed.items() if at >= before}
        self._asked = {at: end for at, end in self._asked.items() if at[0] == latest}
        for term, log in list(self._logs.items()):
            self._logs[term] = {at: one for at, one in log.items() if at >= before}

    def match(self, node: int) -> int:
        """Up to here it has acknowledged the log of the latest leader."""
        return self._matches.get((max(self.leaders, default=0), node), 0)

    def _judge(self, stream: Stream, message: Message) -> None:
        super()._judge(stream, message)
        match message:
            case AppendEntries():
                self._sends(stream, message)
            case AppendEntriesReply():
                self._answers(stream, message)

    def _sends(self, stream: Stream, request: AppendEntries) -> None:
        leader, term, at = stream.sender, request.term, request.prev_log_index
        self._has(leader, term, at, request.prev_log_term)
        before = request.prev_log_term
        for index, entry in enumerate(request.entries, at + 1):
            self._matching(leader, index, entry, before)
            self._has(leader, term, index, entry.term)
            before = entry.term
        end = at + len(request.entries)
        self._asked[term, stream.receiver, request.seq] = end
        self._commits_up_to(leader, term, request.leader_commit)
        told = min(request.leader_commit, end)
        self._may[stream.receiver] = max(self._may[stream.receiver], told)

    def _matching(self, leader: int, index: int, entry: LogEntry, before: int) -> None:
        """Figure 3, Log Matching: index and term tell the entry, and all before it."""
        known = (hashlib.sha256(entry.data).digest()[:_DIGEST], before)
        first = self._entries.setdefault((index, entry.term), known)
        if first != known:
            what = "data" if first[0] != known[0] else "an entry before it"
            broken(
                "log matching",
                leader,
                f"the entry {index} of term {entry.term} that it sends has other {what} than "
                "the one that was sent before",
            )

    def _has(self, leader: int, term: int, index: int, entry_term: int) -> None:
        """Figure 3, Leader Append-Only and Leader Completeness."""
        before = self._logs[term].setdefault(index, entry_term)
        if before != entry_term:
            broken(
                "leader append-only",
                leader,
                f"in term {term} its entry {index} is of term {entry_term}, and was of {before}",
            )
        committed, by = self._committed.get(index, (entry_term, term))
        if committed != entry_term and term > by:
            broken(
                "leader completeness",
                leader,
                f"it leads term {term} with an entry {index} of term {entry_term}; the one of "
                f"term {committed} was committed by term {by}",
            )

    def _commits_up_to(self, leader: int, term: int, commit: int) -> None:
        if commit > self._may[leader]:
            most = self._majority(term)
            broken(
                "a majority commits" if commit > most else "entries of the current term commit",
                leader,
                f"in term {term} it commits up to {commit}; a majority has acknowledged its log "
                f"up to {most}, and by what was seen it may commit up to {self._may[leader]}",
            )
        for index in range(self._checked.get(term, 0) + 1, commit + 1):
            self._commits(leader, term, index)
        self._checked[term] = max(self._checked.get(term, 0), commit)
        self.commit = max(self.commit, commit)

    def _commits(self, leader: int, term: int, index: int) -> None:
        entry_term = self._logs[term].get(index)
        if entry_term is None:
            return
        committed, by = self._committed.setdefault(index, (entry_term, term))
        self._committed[index] = (committed, min(by, term))
        if committed != entry_term:
            broken(
                "state machine safety",
                leader,
                f"it commits entry {index} of term {entry_term}; the one of term {committed} was "
                "committed before",
            )

    def _majority(self, term: int) -> int:
        """Up to here, the leader of that term and enough other ones have its log."""
        nodes = (node for node in range(1, self.count + 1) if node != self.leaders.get(term))
        matches = sorted((self._matches.get((term, node), 0) for node in nodes), reverse=True)
        return matches[self.count // 2 - 1]

    def _answers(self, stream: Stream, reply: AppendEntriesReply) -> None:
        follower, term = stream.sender, reply.term
        if reply.follower_commit < stream.commit:
            broken(
                "commit never falls",
                follower,
                f"its commit index falls from {stream.commit} to {reply.follower_commit}",
            )
        stream.commit = reply.follower_commit
        if not reply.success:
            return
        asked = self._asked.get((term, follower, reply.ack))
        if asked is not None and asked != reply.log_index:
            broken(
                "replies answer requests",
                follower,
                f"it says that entries up to {reply.log_index} match, and request {reply.ack} "
                f"ends at {asked}",
            )
        match = max(self._matches.get((term, follower), 0), reply.log_index)
        self._matches[term, follower] = match
        leader, most = self.leaders.get(term, 0), self._majority(term)
        if self._logs[term].get(most) == term:  # else figure 8
            self._may[leader] = max(self._may[leader], most)
