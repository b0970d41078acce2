"""A server that elects, in Python: for tests of the simulator."""

from __future__ import annotations

from grader.run.random import Random
from grader.sim.server import (
    CANDIDATE,
    FOLLOWER,
    LEADER,
    SAVE_VOTE,
    SEND,
    SYNC,
    Answer,
    Effect,
    Life,
    ServerEnded,
)
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    Message,
    RequestVote,
    RequestVoteReply,
    decode,
    encode,
)


class Toy:
    """A server that elects. ``flaw`` is the rule that it breaks."""

    def __init__(self, flaw: str, life: Life) -> None:
        self.flaw, self.config, self.id = flaw, life.config, life.server
        self.random = Random(life.seed)
        self.term, self.vote = life.vote
        self.role, self.leader, self.seq = FOLLOWER, 0, 0
        self.voters: set[int] = set()
        self.done: list[Effect] = []
        self.saved = True

    def begin(self, now: int) -> Answer:
        self.due = now + self.random.between(self.config.election_min, self.config.election_max)
        return self.answer(1)

    def answer(self, returned: int) -> Answer:
        done, self.done = self.done, []
        deadline = 0 if self.flaw == "is always due" and self.term == 2 else self.due
        return done, (deadline, returned, self.role, self.term, self.vote, self.leader, 0, 0)

    def save(self, term: int, vote: int) -> None:
        self.term, self.vote, self.saved = term, vote, False
        if self.flaw != "saves no votes" or not vote:
            self.done.append((SAVE_VOTE, term, vote))

    def send(self, to: int, message: Message) -> None:
        if not self.saved and self.flaw != "sends before it syncs":
            self.done.append((SYNC,))
            self.saved = True
        self.done.append((SEND, to, encode(message)))

    def send_all(self, message: Message) -> None:
        for to in range(1, self.config.servers + 1):
            if to != self.id:
                self.send(to, message)

    def tick(self, now: int) -> Answer:
        if now < self.due:
            return self.answer(0)
        if self.role == LEADER:
            self.beat(now)
        else:
            self.role, self.leader, self.voters = CANDIDATE, 0, {self.id}
            self.save(self.term + 1, self.id)
            self.begin_wait(now)
            named = 1 if self.flaw == "names another" else self.id
            self.send_all(RequestVote(self.term, named, 0, 0))
            self.count(now)
        return self.answer(0)

    def begin_wait(self, now: int) -> None:
        span = 0 if self.flaw == "draws no timeouts" else self.random.below(150)
        self.due = now + self.config.election_min + span

    def beat(self, now: int) -> None:
        self.seq += 1
        self.due = now + self.config.heartbeat
        if self.flaw != "never beats":
            self.send_all(AppendEntries(self.term, self.id, 0, 0, 0, self.seq, ()))

    def count(self, now: int) -> None:
        enough = self.config.servers // 2 + (self.flaw != "counts to half")
        if len(self.voters) >= enough:
            self.role, self.leader = LEADER, self.id
            self.beat(now)

    def receive(self, now: int, sender: int, data: bytes) -> Answer:
        message = decode(data)
        if message.term < self.term and self.flaw == "refuses the stale":
            return self.answer(0)
        if message.term > self.term:
            self.save(message.term, 0)
            if self.role == LEADER:
                self.begin_wait(now)
            self.role, self.leader = FOLLOWER, 0
        if isinstance(message, RequestVote):
            self.asked(now, message)
        elif isinstance(message, RequestVoteReply):
            if message.term == self.term and message.vote_granted and self.role == CANDIDATE:
                self.voters.add(sender)
                self.count(now)
        elif isinstance(message, AppendEntries):
            good = message.term == self.term
            if good:
                self.role, self.leader = FOLLOWER, message.leader_id
                self.begin_wait(now)
            reply = AppendEntriesReply(self.term, self.id, 0, int(good), 0, message.seq)
            self.send(message.leader_id, reply)
        elif self.flaw == "answers answers" and self.role == LEADER:
            self.beat(now)
        if self.flaw == "ends" and self.term == 3:
            raise ServerEnded("it ended")
        return self.answer(1)

    def asked(self, now: int, message: RequestVote) -> None:
        free = self.vote in (0, message.candidate_id) or self.flaw == "votes twice"
        grant = message.term == self.term and free
        if grant:
            if self.vote != message.candidate_id and self.flaw != "votes twice":
                self.save(self.term, message.candidate_id)
            self.begin_wait(now)
        self.send(message.candidate_id, RequestVoteReply(self.term, int(grant)))

    def propose(self, now: int, data: bytes) -> Answer:
        return self.answer(0)

    def end(self) -> int:
        return 9

    def printed(self) -> bytes:
        return b"its last words"


class Toys:
    """Starts them."""

    def __init__(self, flaw: str = "") -> None:
        self.flaw = flaw

    def start(self, life: Life) -> tuple[Toy, Answer]:
        toy = Toy(self.flaw, life)
        return toy, toy.begin(life.now)
