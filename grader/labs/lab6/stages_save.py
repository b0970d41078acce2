"""Lab 6: what has to be saved before it is acknowledged, or counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from grader.labs.lab5.scene import NOBODY
from grader.labs.lab5.steps import Step, settles, stands, tells, wins
from grader.labs.lab6.played import Played
from grader.labs.lab6.scene import LogScene
from grader.labs.lab6.stages_follower import entries
from grader.labs.lab6.watch import as_sent
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.sim.cluster import DOOM, TELL
from grader.sim.run import logs, logs_told
from grader.sim.server import APPLY, SAVE_ENTRY, SAVE_VOTE, SEND, SYNC, Effect, Entry
from grader.verdicts import Diagnosis, StageFailure
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    Malformed,
    RequestVote,
    decode,
)

LOG = entries(1, 4, 4)
Crash: TypeAlias = tuple[
    int, int, int
]  # in which event that does anything, after how many effects,
# and how much of what was not synced is kept


class Kept(LogScene):
    """A story of a server that has saved term 5, and LOG. ``promised`` is what others may rely on
    that it has; ``events`` are the effects of those that had any.
    """

    RULES = (logs_told, logs)

    def __init__(self, simulator: Simulator, servers: int, crash: Crash | None = None) -> None:
        self.promised: list[Entry] = []
        self.events: list[list[Effect]] = []
        self._crash: Crash | None = None
        super().__init__(
            simulator, servers, vote=(5, NOBODY), terms=LOG, durable=True, promises=True
        )
        self._crash = crash
        self.peers = {id: Played(id, LOG) for id in self.others}

    def apply(self, kind: str, first: Any = 0, second: int = 0) -> list[Effect]:
        if self.runs and self._crash and self._crash[0] == len(self.events):
            _, after, kept = self._crash
            self._crash = None
            super().apply(DOOM, after, kept)
        request = self._request(first) if kind == TELL else None
        would_be = self._would_be(request) if request else []
        effects = super().apply(kind, first, second)
        if effects:
            self.events.append(effects)
        for effect in effects:
            self._note(effect, would_be)
        return effects

    def _request(self, data: bytes) -> AppendEntries | None:
        try:
            message = decode(data)
        except Malformed:
            return None
        return message if isinstance(message, AppendEntries) else None

    def _would_be(self, request: AppendEntries) -> list[Entry]:
        """Its log up to the request's last entry, if that fits; what conflicts with it is promised
        no longer.
        """
        log = self.watch.log[: request.prev_log_index]
        log += [(entry.term, entry.data) for entry in request.entries]
        for at, (mine, new) in enumerate(zip(self.promised, log, strict=False)):
            if mine != new:
                del self.promised[at:]
                break
        return log

    def _note(self, effect: Effect, would_be: list[Entry]) -> None:
        if effect[0] == APPLY and not self.others:
            self.promised = [*self.promised[: effect[1] - 1], effect[2:]]
        if effect[0] != SEND:
            return
        reply = decode(effect[2])
        if isinstance(reply, AppendEntriesReply) and reply.success:
            self.promised = max(self.promised, would_be[: reply.log_index], key=len)


def sends(leader: int, term: int, prev: int, *terms: int, commit: int = 0) -> Step:
    """Entries behind an index of LOG, or behind more of them of the same term."""
    before = LOG[prev - 1][0] if prev <= len(LOG) else term
    more = as_sent(entries(*terms, start=prev + 1))
    return tells(leader, AppendEntries(term, leader, prev, before, commit, 1, more))


def asks(candidate: int, term: int, index: int, of: int) -> Step:
    return tells(candidate, RequestVote(term, candidate, index, of))


def proposes(one: LogScene) -> None:
    if one.runs:
        one.propose(b"proposed")


def waits(one: LogScene) -> None:
    """An interval passes, in which its entries go out."""
    until = one.now + one.config.heartbeat
    while one.runs and one.deadline <= until:
        one.now = max(one.now, one.deadline)
        one.tick()
    one.now = until


def answers(one: LogScene) -> None:
    """One of the others answers what it got."""
    while one.runs and one.waiting.get(2):
        one.tell(2, one.peers[2].answer(one.waiting[2].pop(0)))
        settles(one)


def hurries(one: LogScene) -> None:
    """One of the others answers several requests before the host looks at its clock."""
    while one.runs and one.waiting.get(2):
        one.tell(2, one.peers[2].answer(one.waiting[2].pop(0)))


LEADS: list[Callable[[Any], object]] = [stands, wins, settles, proposes, settles, waits]

STORIES: dict[str, list[Callable[[Any], object]]] = {
    "it takes an entry": [sends(2, 5, 3, 5)],
    "it takes three at once": [sends(2, 5, 3, 5, 5, 5)],
    "it takes one after the other": [sends(2, 5, 3, 5), sends(2, 5, 4, 5), sends(2, 5, 5, 5)],
    "it takes the same twice": [sends(2, 5, 3, 5, 5), sends(2, 5, 3, 5, 5)],
    "it hears of a commit": [sends(2, 5, 3, 5), sends(2, 5, 4, commit=4)],
    "it cuts a conflict": [sends(2, 5, 1, 5, 5)],
    "it cuts a conflict, in a newer term": [sends(3, 8, 1, 8)],
    "it refuses, and takes what fits": [sends(2, 8, 40, 8), sends(2, 8, 3, 8, 8)],
    "it takes, and cuts what it took": [sends(2, 5, 3, 5, 5), sends(3, 7, 3, 7)],
    "it takes, and cuts the last": [sends(2, 5, 3, 5, 5), sends(3, 7, 3, 5, 7, 7)],
    "it takes, and votes": [sends(2, 5, 3, 5), asks(3, 6, 4, 5)],
    "it takes, and refuses its vote": [sends(2, 5, 3, 5), asks(3, 6, 3, 4)],
    "it votes, and takes": [asks(3, 6, 3, 4), sends(3, 6, 3, 6, 6)],
    "it leads": [*LEADS, waits],
    "it leads, and is answered": [*LEADS, answers, proposes, proposes, settles, waits, answers],
    "it leads, and is answered before it syncs": [*LEADS, proposes, hurries, settles],
    "it leads, and is deposed": [*LEADS, sends(3, 9, 3, 9)],
    "it takes, and leads": [sends(2, 5, 3, 5, 5), *LEADS, answers],
}


@stage(
    "6.12",
    "Saved before acknowledged: a crash at every effect",
    points=6,
    see="lab6#save-first",
    source="Raft, figure 2, State; raft.h",
    seconds=60,
)
def test_save(attempt: Attempt) -> None:
    """What a server acknowledges, and what a leader counts as its own, is synced before that:
    wherever a crash comes between two effects, and whatever outlives it of what was not synced,
    the server starts again with all that others rely on.
    """
    simulator = Simulator(attempt)
    for steps in STORIES.values():
        crashes(simulator, 3, steps)
    crashes(simulator, 1, [stands, settles, proposes, settles, proposes, proposes, settles])


def crashes(simulator: Simulator, servers: int, steps: list[Callable[[Any], object]]) -> None:
    """In each event that does anything, after each of its effects."""
    with Kept(simulator, servers) as one:
        for step in steps:
            step(one)
        events = one.events[:]
        starts_again(one)
    done: list[Effect] = []
    for number, effects in enumerate(events):
        for after in range(len(effects) + 1):
            for kept in range(unsynced(done + effects[:after]) + 1):
                with Kept(simulator, servers, (number, after, kept)) as one:
                    for step in steps:
                        step(one)
                    starts_again(one)
        done += effects


def unsynced(effects: list[Effect]) -> int:
    """So many saves are lost if nothing is kept."""
    kinds = [effect[0] for effect in effects]
    since = len(kinds) - kinds[::-1].index(SYNC) if SYNC in kinds else 0
    return sum(kind in (SAVE_VOTE, SAVE_ENTRY) for kind in kinds[since:])


def starts_again(one: Kept) -> None:
    """With what was saved; that has what it promised, and a later leader finds it."""
    promised, again = one.promised, one.watch.again
    one.restart()
    log = list(one.watch.log)
    if log[: len(promised)] != promised:
        at = next(i for i, entry in enumerate(promised) if log[i : i + 1] != [entry])
        why = Diagnosis(
            "promise-lost",
            "figure 2, State: log[] is persistent, updated before responding to RPCs",
        )
        why = one.watch.saved_again() if 0 < again <= at else why
        one.fail(
            f"it has promised to keep entry {at + 1} of term {promised[at][0]}, and starts again "
            f"without it: {len(log)} entries are on its disk",
            why.id,
            why.text,
        )
    when = f"it starts again, with {len(log)} entries on its disk"
    one.expect(when, last_index=len(log))
    one.expect_commit(0, when)
    if one.others:
        one.leader_term = one.term + 1
        try:
            one.expect_log(log, when)
        except StageFailure as failure:
            text = failure.diagnosis.text if failure.diagnosis else when
            failure.diagnosis = Diagnosis("loaded-other", text)
            raise
