"""A cluster of servers, and what happens to it: one input after the other, each checked at once.

Here is no chance and no plan: the same inputs make the same run, so a trace of them is all that a
replay needs. Inputs that make no sense (any more) are passed over, so every part of a trace is a
trace as well: a message is named by the event that sent it, and one that was not sent is not
delivered.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

from grader.sim.invariants import DEPOSED, FLOOD, NO_LEADER, Broken, Checks, check_all
from grader.sim.server import (
    LEADER,
    SAVE_ENTRY,
    SAVE_VOTE,
    SEND,
    SYNC,
    Answer,
    Config,
    Effect,
    Entry,
    Host,
    Life,
    Server,
    ServerEnded,
    ServerHangs,
    State,
)

# An input: (its number, kind, milliseconds, server, and two more):
#   DISK what a server has that does not run: (term, vote, its entries, each (term, data), or its
#        term alone) | 0
#   START a server that does not run, with the seed of its timeouts | 0
#   TICK 0 | 0
#   RECEIVE the number of the event that sent the message | which of its messages
#   TELL a message that no server of the cluster sent | whose it is
#   PROPOSE data | 0
#   CRASH 0 | so much of what was saved since the last sync outlives it
#   DOOM the server's next event that does anything ends in a crash, after so many of its effects |
#        so much of what was saved since the last sync outlives it
# and of no server (0):
#   HEAL 0 | 0: nobody is doomed any more, and from now on the network is fair
#   EXPECT leader | term: that all follow that leader; 0: any leader
#   AGREE leader | 0: that all have its log
Input: TypeAlias = tuple[int, str, int, int, Any, int]
START, TICK, RECEIVE, TELL, PROPOSE = "start", "tick", "receive", "tell", "propose"
DISK, CRASH, DOOM, HEAL = "disk", "crash", "doom", "heal"
EXPECT, AGREE = "expect", "agree"
QUIET = (DISK, CRASH, DOOM, HEAL, EXPECT, AGREE)  # of these no server knows
SAVED_DATA = b"x"  # of an entry of a DISK that says its term alone

_MOST_OVERDUE = 10
# So many events in so many milliseconds of a fair network: many times what a leader needs that
# sends each entry by itself, and all that are not acknowledged again with each heartbeat.
FLOOD_SIZE, FLOOD_MS = 30_000, 100

Sent: TypeAlias = tuple[int, int, bytes]  # sender, receiver, message


_NOTHING: Answer = ([], (0,) * 8)


class Ended(Broken):
    """A server ended or hangs. ``status`` is waitpid(2)'s, None of one that nothing could start;
    ``output`` what it printed last.
    """

    def __init__(self, server: int, hangs: bool, status: int | None, output: bytes) -> None:
        self.hangs, self.status, self.output = hangs, status, output
        if hangs:
            words = "does not return from a call"
        elif status is None:
            words = "could not be started: the program that forks servers has ended"
        elif os.WIFSIGNALED(status):
            words = f"was ended by signal {os.WTERMSIG(status)}"
        else:
            words = f"ended with status {os.waitstatus_to_exitcode(status)}"
        super().__init__("a server lives on", server, f"server {server} {words}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.server, self.hangs, self.status, self.output)


def _entry(saved: int | Entry) -> Entry:
    """One of a DISK."""
    return saved if isinstance(saved, tuple) else (saved, SAVED_DATA)


class Disk:
    """What a server has saved, and how much of that outlives a crash."""

    def __init__(self) -> None:
        self.vote = (0, 0)
        self.entries: list[Entry] = []
        self.unsynced: list[Effect] = []

    def copied(self) -> Disk:
        other = type(self)()
        other.vote, other.entries, other.unsynced = self.vote, self.entries[:], self.unsynced[:]
        return other

    def sync(self) -> None:
        """All that was saved is durable."""
        for save in self.unsynced:
            if save[0] == SAVE_VOTE:
                self.vote = save[1:]
            else:
                del self.entries[save[1] - 1 :]
                self.entries.append(save[2:])
        self.unsynced = []

    @staticmethod
    def saves(saved: Sequence[Any]) -> list[Effect]:
        """What the server of a DISK has saved."""
        term, vote, *entries = saved
        known = enumerate(map(_entry, entries), 1)
        return [(SAVE_VOTE, term, vote), *((SAVE_ENTRY, index, *one) for index, one in known)]

    def saved(self) -> tuple[Any, ...]:
        """What is durable, as a DISK has it."""
        return (*self.vote, *self.entries)


class Cluster:
    """Servers 1 to ``config.servers``; none runs at first. Times are milliseconds."""

    disk: ClassVar[type[Disk]] = Disk

    def __init__(self, host: Host, config: Config, checks: list[Checks]) -> None:
        self._host, self.config, self._checks = host, config, checks
        count = config.servers + 1
        self._servers: list[Server | None] = [None] * count
        self.states: list[State | None] = [None] * count
        self.disks = [self.disk() for _ in range(count)]
        self._doomed: dict[int, tuple[int, int]] = {}
        self._overdue = [0] * count  # ticks in a row after which each was still due
        self.inputs: list[Input] = []  # those that were not passed over
        self.answers: list[Answer] = []  # to them: effects that came after a crash are left out
        self.crashed: set[int] = set()  # the numbers of events that ended in a crash
        self.printed: dict[int, bytes] = {}  # what each server printed last
        self.sent: dict[int, list[Sent]] = {}  # by the number of the event
        self._window: tuple[int, int] | None = None  # of a fair network: events before it, and when

    def branch(self, server: int, runs: Server) -> Cluster:
        """Another one in the same state, with ``runs`` in the place of that server: the next events
        are that server's. What they share must not change.
        """
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._checks = [one.branch(server) for one in self._checks]
        other._servers, other.states = self._servers[:], self.states[:]
        other._servers[server] = runs
        other.disks, other._overdue = self.disks[:], self._overdue[:]
        other.disks[server] = self.disks[server].copied()
        other._doomed, other.sent = dict(self._doomed), dict(self.sent)
        other.inputs, other.answers = self.inputs[:], self.answers[:]
        other.crashed = set(self.crashed)
        return other

    def runs(self, server: int) -> bool:
        return self._servers[server] is not None

    def apply(self, one: Input) -> list[Sent]:
        """Makes it happen. Returns the messages that were sent. Raises Broken."""
        number, kind, now, server, first, second = one
        runs = self._servers[server]
        if (runs is None) != (kind in (DISK, START, HEAL, EXPECT, AGREE)):
            return []
        if kind in QUIET:
            self._arrange(one)
            return []
        message = None
        if kind == RECEIVE:
            message = self._message(first, second, server)
            if message is None:
                return []
        elif kind == TELL:
            message = second, server, first
        self.inputs.append(one)
        try:
            answer = self._call(one, message)
        except ServerEnded as reason:
            raise self._ended(server, reason) from None
        self.answers.append(answer)
        if kind == TICK:
            self._check_deadline(server, now, answer[1][0])
        elif kind == RECEIVE and self._window is not None:
            self._check_flood(now)
        if kind == RECEIVE and message is not None and not answer[1][1]:
            raise Broken(
                "messages are accepted",
                server,
                f"server {server} refuses a message of "
                f"server {message[0]}: its connection would be closed",
            )
        sent = self._take(number, server, answer)
        if kind == PROPOSE and number not in self.crashed:
            for check in self._checks:
                check.proposed(server, first, answer[1])
        return sent

    def _arrange(self, one: Input) -> None:
        """What no server notices."""
        number, kind, now, server, first, second = one
        self.inputs.append(one)
        self.answers.append(_NOTHING)
        if kind == CRASH:
            self._end_life(number, server, second)
        elif kind == DOOM:
            self._doomed[server] = (first, second)
        elif kind == DISK:
            self._fill(server, first)
        elif kind == HEAL:
            self._doomed.clear()
            self._window = len(self.inputs), now
        elif kind == EXPECT:
            self._expect(first, second)
        else:
            for check in self._checks:
                check.settled(first)

    def _fill(self, server: int, saved: tuple[Any, ...]) -> None:
        disk = self.disks[server]
        disk.unsynced = disk.saves(saved)
        for one in self._checks:
            one.crashed(server, disk.unsynced)
        disk.sync()

    def _expect(self, leader: int, term: int) -> None:
        agreed = self.agreed()
        if leader == 0 and agreed is None:
            raise Broken(
                NO_LEADER,
                0,
                "the network has healed long ago, and there is no leader that all servers follow",
            )
        if leader != 0 and agreed != (leader, term):
            raise Broken(
                DEPOSED,
                leader,
                f"all servers followed server {leader} in term {term}, "
                "and no message was lost since; they do so no longer",
            )

    def _message(self, event: int, which: int, server: int) -> Sent | None:
        sent = self.sent.get(event, ())
        if which < len(sent) and sent[which][1] == server:
            return sent[which]
        return None

    def _call(self, one: Input, message: Sent | None) -> Answer:
        _, kind, now, server, first, _ = one
        runs = self._servers[server]
        if runs is None:
            return self._start(server, now, first)
        if message is not None:
            for check in self._checks:
                check.received(server, message[0], message[2])
            return runs.receive(now, message[0], message[2])
        return runs.tick(now) if kind == TICK else runs.propose(now, first)

    def _start(self, server: int, now: int, seed: int) -> Answer:
        disk = self.disks[server]
        life = Life(self.config, server, now, seed, disk.vote, list(disk.entries))
        runs, answer = self._host.start(life)
        self._servers[server] = runs
        for one in self._checks:
            one.started(server, answer[1])
        return answer

    def _ended(self, server: int, reason: ServerEnded) -> Broken:
        runs, self._servers[server] = self._servers[server], None
        hangs = isinstance(reason, ServerHangs)
        self._note_printed(server, runs)
        if runs is None:
            return Ended(server, hangs, reason.status, reason.output or str(reason).encode())
        return Ended(server, hangs, runs.end(), runs.printed())

    def _check_deadline(self, server: int, now: int, deadline: int) -> None:
        """A tick does what is due; else a server would ask for ticks without an end."""
        self._overdue[server] = self._overdue[server] + 1 if deadline <= now else 0
        if self._overdue[server] == _MOST_OVERDUE:
            raise Broken(
                "deadlines move on",
                server,
                f"server {server} is due at {deadline} after "
                f"each of {_MOST_OVERDUE} ticks, the last one at {now}",
            )

    def _check_flood(self, now: int) -> None:
        assert self._window is not None
        before, since = self._window
        if now - since >= FLOOD_MS:
            self._window = len(self.inputs), now
        elif len(self.inputs) - before > FLOOD_SIZE:
            raise Broken(
                FLOOD,
                0,
                f"the network is whole, and in {now - since} ms {FLOOD_SIZE:,} messages have come: "
                "each makes more than one other",
            )

    def _take(self, number: int, server: int, answer: Answer) -> list[Sent]:
        effects, state = answer
        if not effects:
            check_all(self._checks, server, answer)
            self.states[server] = state
            return []
        if server in self._doomed:
            return self._crash(number, server, effects)
        sent = self._carry_out(number, server, effects)
        check_all(self._checks, server, answer)
        self.states[server] = state
        return sent

    def _carry_out(self, number: int, server: int, effects: list[Effect]) -> list[Sent]:
        disk, sent = self.disks[server], []
        for effect in effects:
            kind = effect[0]
            if kind == SEND:
                sent.append((server, effect[1], effect[2]))
            elif kind == SYNC:
                disk.sync()
            elif kind in (SAVE_VOTE, SAVE_ENTRY):
                disk.unsynced.append(effect)
        if sent:
            self.sent[number] = sent
        return sent

    def _crash(self, number: int, server: int, effects: list[Effect]) -> list[Sent]:
        after, kept = self._doomed.pop(server)
        effects = effects[:after]
        self.answers[-1] = (effects, self.answers[-1][1])
        sent = self._carry_out(number, server, effects)
        for one in self._checks:
            one.did(server, effects)
        self._end_life(number, server, kept)
        return sent

    def _end_life(self, number: int, server: int, kept: int) -> None:
        disk = self.disks[server]
        self.crashed.add(number)
        disk.unsynced = disk.unsynced[:kept]
        for one in self._checks:
            one.crashed(server, disk.unsynced)
        disk.sync()
        self.stop(server)

    def stop(self, server: int) -> None:
        runs, self._servers[server], self.states[server] = self._servers[server], None, None
        self._note_printed(server, runs)
        if runs is not None:
            runs.end()

    def _note_printed(self, server: int, runs: Server | None) -> None:
        words = runs.printed() if runs is not None else b""
        if words:
            self.printed[server] = words

    def close(self) -> None:
        for server in range(1, self.config.servers + 1):
            self.stop(server)

    def agreed(self) -> tuple[int, int] | None:
        """The leader that all servers follow, and its term; None as long as there is none."""
        first = self.states[1]
        if first is None:
            return None
        term, leader = first[3], first[5]
        known = self.states[leader] if 0 < leader < len(self.states) else None
        if leader == 0 or known is None or known[2] != LEADER:
            return None
        for state in self.states[1:]:
            if state is None or state[3] != term or state[5] != leader:
                return None
        return leader, term
