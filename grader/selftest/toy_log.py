"""A server that keeps a log, in Python: for tests of the simulator. It is lab 5's toy and more."""

from __future__ import annotations

from grader.selftest.toy_raft import Toy
from grader.sim.server import APPLY, LEADER, SAVE_ENTRY, SYNC, Answer, Entry, Life
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    Message,
    RequestVote,
    RequestVoteReply,
    decode,
)


class LogToy(Toy):
    """Plain Raft: a leader sends all that a follower lacks, with each heartbeat and proposal."""

    def __init__(self, flaw: str, life: Life) -> None:
        super().__init__(flaw, life)
        self.log: list[Entry] = list(life.entries)
        self.commit = self.applied = self.led = 0
        self.next: dict[int, int] = {}
        self.match: dict[int, int] = {}
        if flaw == "forgets its log":
            self.log = []

    # --- what a log is ---

    def answer(self, returned: int) -> Answer:
        done, (deadline, _, role, term, vote, leader, _, _) = super().answer(returned)
        last = len(self.log) + (self.flaw == "says more than it saved")
        return done, (deadline, returned, role, term, vote, leader, last, self.commit)

    def term_at(self, index: int) -> int:
        return self.log[index - 1][0] if index else 0

    def append(self, index: int, entry: Entry) -> None:
        del self.log[index - 1 :]
        self.log.append(entry)
        self.done.append((SAVE_ENTRY, index + (self.flaw == "saves elsewhere"), *entry))
        self.saved = False

    def sync(self) -> None:
        if not self.saved:
            self.done.append((SYNC,))
            self.saved = True

    def apply(self, commit: int) -> None:
        self.commit = max(self.commit, commit)
        if self.flaw == "applies twice" and self.applied == 2:
            self.applied = 1
        while self.applied < self.commit:
            self.applied += 1
            term, data = self.log[self.applied - 1]
            other = self.flaw == "applies other data" and self.applied == 3
            self.done.append((APPLY, self.applied, term, b"?" if other else data))

    # --- a leader ---

    def beat(self, now: int) -> None:
        self.due = now + self.config.heartbeat
        if self.led != self.term:
            self.led = self.term
            servers = range(1, self.config.servers + 1)
            self.match = {one: 0 for one in servers if one != self.id}
            self.next = {one: len(self.log) + 1 for one in self.match}
            term = self.term - 1 if self.flaw == "appends with an old term" else self.term
            if self.flaw != "commits old terms":
                self.append(len(self.log) + 1, (term, b""))
            if self.flaw == "a leader cuts" and len(self.log) > 1:
                self.append(len(self.log) - 1, (self.term, b"other"))
        for to in self.match:
            self.ask(to)
        self.learn()
        if self.flaw == "beats all the time":
            self.due = now + 2

    def ask(self, to: int) -> None:
        self.seq += 1
        prev = max(0, self.next[to] - (2 if self.flaw == "sends all again" else 1))
        most = 1 if self.flaw == "commits to its end" else 2
        rest = [LogEntry(*entry) for entry in self.log[prev : prev + most]]
        if self.flaw == "sends other data" and rest:
            rest[-1] = LogEntry(rest[-1].term, b"other")
        commit = len(self.log) if self.flaw == "tells too much" else self.commit
        place = prev, self.term_at(prev)
        self.send(to, AppendEntries(self.term, self.id, *place, commit, self.seq, tuple(rest)))

    def learn(self) -> None:
        """What a majority has is committed, if it is of this term."""
        if self.flaw != "counts before it syncs":
            self.sync()
        if self.flaw == "commits what it hears of" and len(self.log) > 1:
            self.apply(len(self.log))
        matches = sorted([len(self.log), *self.match.values()], reverse=True)
        most = matches[len(matches) // 2 - (self.flaw == "commits alone" and len(matches) > 1)]
        if self.flaw == "commits old terms" or self.term_at(most) == self.term:
            self.apply(most)

    def propose(self, now: int, data: bytes) -> Answer:
        if self.role != LEADER or self.flaw == "takes no proposals":
            return self.answer(0)
        self.append(len(self.log) + 1, (self.term, data))
        self.due = now
        return self.answer(len(self.log))

    # --- the others ---

    def send(self, to: int, message: Message) -> None:
        """Of the first toy's messages, those that tell of a log."""
        if isinstance(message, RequestVote):
            last = len(self.log) - (self.flaw == "tells a shorter log" and len(self.log) > 1)
            message = RequestVote(message.term, self.id, last, self.term_at(last))
        super().send(to, message)

    def asked(self, now: int, message: RequestVote) -> None:
        own = self.term_at(len(self.log)), len(self.log)
        stale = (message.last_log_term, message.last_log_index) < own
        if self.flaw == "refuses to vote" or (stale and self.flaw != "votes for any log"):
            self.send(message.candidate_id, RequestVoteReply(self.term, 0))
        else:
            super().asked(now, message)

    def receive(self, now: int, sender: int, data: bytes) -> Answer:
        message = decode(data)
        if not isinstance(message, AppendEntries | AppendEntriesReply):
            return super().receive(now, sender, data)
        if message.term > self.term:
            self.save(message.term, 0)
            self.role, self.leader = 0, 0
            self.begin_wait(now)
        if isinstance(message, AppendEntries):
            self.requested(now, message)
        elif message.term == self.term and self.role == LEADER:
            self.replied(message)
        return self.answer(1)

    def requested(self, now: int, message: AppendEntries) -> None:
        prev, count = message.prev_log_index, len(message.entries)
        success = message.term == self.term
        if success:
            self.role, self.leader = 0, message.leader_id
            self.begin_wait(now)
            success = prev <= len(self.log) and (
                self.term_at(prev) == message.prev_log_term or self.flaw == "checks no terms"
            )
        if success:
            self.take(prev, message)
            end = len(self.log) if self.flaw == "commits to its end" else prev + count
            self.commit = max(self.commit, min(message.leader_commit, end))
        index = prev + count if success else min(prev, len(self.log))
        if success and self.flaw == "acknowledges its end":
            index = len(self.log)
        if self.flaw == "hints beyond its end" and not success:
            index = len(self.log) + 1
        ack = message.seq + (self.flaw == "returns another ack")
        told = (int(success), self.commit, ack)
        self.send(message.leader_id, AppendEntriesReply(self.term, self.id, index, *told))
        self.apply(self.commit)

    def take(self, prev: int, message: AppendEntries) -> None:
        if self.flaw == "takes nothing":
            return
        if self.flaw == "cuts what matches":
            del self.log[prev:]
        for index, entry in enumerate(message.entries, prev + 1):
            if index > len(self.log) or self.term_at(index) != entry.term:
                self.append(index, (entry.term, entry.data))

    def replied(self, message: AppendEntriesReply) -> None:
        to, index = message.follower_id, message.log_index
        if self.flaw == "resigns" and self.seq > message.ack + 6:
            self.role, self.leader = 0, 0
            return
        if message.success and index <= len(self.log):
            self.match[to] = max(self.match[to], index)
            self.next[to] = max(self.next[to], self.match[to] + 1)
            self.learn()
        elif not message.success and self.flaw == "only asks again":
            self.ask(to)
        elif not message.success and self.flaw != "never goes back":
            self.next[to] = max(self.match[to] + 1, min(self.next[to] - 1, index + 1))


class LogToys:
    """Starts them."""

    def __init__(self, flaw: str = "") -> None:
        self.flaw = flaw

    def start(self, life: Life) -> tuple[LogToy, Answer]:
        toy = LogToy(self.flaw, life)
        return toy, toy.begin(life.now)
