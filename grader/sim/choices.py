"""What may happen next in a cluster that is searched: who gets which message, whose deadline
passes, and where a crash may cut a server short.

Time is each server's own: its clock stands still until its deadline is let pass. So any server may
be as slow as it likes, and times keep no states apart that differ in nothing else. A message that
is never delivered is lost, so losses are no choices of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from grader.sim.cluster import PROPOSE, RECEIVE, TICK, Cluster, Sent
from grader.sim.invariants import REPLY, REQUEST
from grader.sim.memory import Call, Place
from grader.sim.server import LEADER, SAVE_ENTRY, SAVE_VOTE, SEND, SYNC, Effect

T = TypeVar("T")


def put(row: tuple[T, ...], server: int, one: T) -> tuple[T, ...]:
    """The row with that in the place of that server."""
    return (*row[: server - 1], one, *row[server:])


class Bounds(NamedTuple):
    """How often each of these may happen in one course of events."""

    deliveries: int = 5  # a message arrives
    timeouts: int = 2  # a deadline passes: of an election, or of heartbeats
    crashes: int = 1  # a server crashes between two effects, and starts anew
    repeats: int = 0  # a message arrives that did so before
    proposals: int = 0  # a leader is given something for its log


class Letter(NamedTuple):
    """A message under way: the event that sent it, which of its messages it is, and itself."""

    event: int
    which: int
    sent: Sent


class Mail(NamedTuple):
    """Messages under way, and those that have arrived and may do so again."""

    under_way: tuple[Letter, ...] = ()
    arrived: tuple[Letter, ...] = ()


class Step(NamedTuple):
    """Something that may happen next to a server: the call; the last two places of the input; what
    becomes of the mail, beside what the server sends; and the bounds of all that follows.
    """

    server: int
    call: Call
    first: Any
    second: int
    mail: Mail
    left: Bounds


class State:
    """Where a course of events has got to. Its servers went through their ``places``, and through
    ``pasts`` before they crashed; all else depends on those.
    """

    __slots__ = ("clocks", "cluster", "left", "mail", "pasts", "places")

    def __init__(
        self,
        cluster: Cluster,
        places: tuple[Place, ...],
        pasts: tuple[int, ...],
        clocks: tuple[int, ...],
        mail: Mail,
        left: Bounds,
    ) -> None:
        self.cluster, self.places, self.pasts = cluster, places, pasts
        self.clocks, self.mail, self.left = clocks, mail, left


Chooser: TypeAlias = Callable[[State], Iterator[Step]]


def deliveries(state: State) -> Iterator[Step]:
    """Any message that is under way arrives; or one that has done so. Of two that are the same it
    is one of them.
    """
    if state.left.deliveries == 0:
        return
    under_way, arrived = state.mail
    left = state.left._replace(deliveries=state.left.deliveries - 1)
    for at, letter in enumerate(under_way):
        if all(letter.sent != other.sent for other in under_way[:at]):
            again = (*arrived, letter) if left.repeats else ()
            mail = Mail(under_way[:at] + under_way[at + 1 :], again)
            yield _delivery(state, letter, mail, left)
    if left.repeats:
        left = left._replace(repeats=left.repeats - 1)
        for letter in arrived:
            yield _delivery(state, letter, state.mail, left)


def _delivery(state: State, letter: Letter, mail: Mail, left: Bounds) -> Step:
    sender, to, message = letter.sent
    call = RECEIVE, state.clocks[to - 1], sender, message
    return Step(to, call, letter.event, letter.which, mail, left)


def timeouts(state: State) -> Iterator[Step]:
    """Any server's deadline passes."""
    if state.left.timeouts == 0:
        return
    left = state.left._replace(timeouts=state.left.timeouts - 1)
    for server, known in enumerate(state.cluster.states[1:], 1):
        if known is not None:
            call = TICK, max(state.clocks[server - 1], known[0])
            yield Step(server, call, 0, 0, state.mail, left)


def proposals(state: State) -> Iterator[Step]:
    """Any server that says that it leads is given an entry."""
    if state.left.proposals == 0:
        return
    left = state.left._replace(proposals=state.left.proposals - 1)
    data = b"%d" % state.left.proposals
    for server, known in enumerate(state.cluster.states[1:], 1):
        if known is not None and known[2] == LEADER:
            call = PROPOSE, state.clocks[server - 1], data
            yield Step(server, call, data, 0, state.mail, left)


CHOOSERS: tuple[Chooser, ...] = (deliveries, timeouts, proposals)


def nothing(_: State) -> Iterator[Step]:
    """How a search begins: nothing has happened."""
    return iter(())


def elected(state: State) -> Iterator[Step]:
    """How a search may begin: server 1 asks for votes, gets them, and leads. What it then sends
    first is under way.
    """
    known = state.cluster.states[1]
    votes = [one for one in state.mail.under_way if one.sent[2][0] in (REQUEST, REPLY)]
    if votes:
        rest = tuple(one for one in state.mail.under_way if one is not votes[0])
        yield _delivery(state, votes[0], state.mail._replace(under_way=rest), state.left)
    elif known is not None and known[2] != LEADER:
        call = TICK, max(state.clocks[0], known[0])
        yield Step(1, call, 0, 0, state.mail, state.left)


def endings(effects: Sequence[Effect], unsynced: int) -> Iterator[tuple[int, int, int, int]]:
    """Each way in which a crash may cut these effects short, of a server with so many saves before
    that are not synced: after how many effects, how many saves outlive it that were not synced; and
    what becomes of that: how many messages are sent, how many saves outlive it in all. One that
    leaves nothing behind is no other than a crash before.
    """
    seen: set[tuple[int, int]] = set()
    sends, durable, saves = 0, 0, unsynced
    for after, effect in enumerate(effects, 1):
        kind = effect[0]
        if kind == SEND:
            sends += 1
        elif kind in (SAVE_VOTE, SAVE_ENTRY):
            saves += 1
        elif kind == SYNC:
            durable = saves
        for kept in range(saves - durable + 1):
            left = sends, durable + kept
            if left not in seen and (sends or durable + kept > unsynced):
                seen.add(left)
                yield after, kept, *left
