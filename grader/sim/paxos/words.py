"""What the steps and messages of a run of Paxos are called, in English. As ``grader.sim.words`` has
it for Raft.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.sim.cluster import EXPECT, PROPOSE, START, TICK, Disk, Input
from grader.sim.paxos.cluster import PaxosDisk
from grader.sim.paxos.messages import (
    ACCEPT,
    ACCEPTED,
    NONE,
    PREPARE,
    PROMISE,
    REFUSED,
    TITLES,
    Ballot,
    Malformed,
    decode,
    shown,
)
from grader.sim.paxos.messages import reading as reading
from grader.sim.server import APPLY, SAVE_ENTRY, SAVE_VOTE, SEND, Effect, State
from grader.sim.words import of_crash as of_crash
from grader.sim.words import of_input_of_all
from grader.sim.words import of_receipt as of_receipt
from grader.wire import annotate

EFFECTS: tuple[str, ...] = ("", "send", "save_promised", "save_accepted", "sync", "decided")
STATE: tuple[str, ...] = (
    "deadline",
    "returned",
    "phase",
    "promised_round",
    "promised_server",
    "accepted_round",
    "accepted_server",
    "is_decided",
)
ROLES: tuple[str, ...] = ("idle", "preparing", "accepting")
LEGEND = "| undecided  ? proposes  # decided  : down  X crash  (what changed nothing is left out)"
EXPECTED = "all should have decided"


def name(data: bytes) -> str:
    """A message in a few letters."""
    try:
        it = decode(data)
    except Malformed:
        return "malformed"
    short = f"{TITLES[it.type]} {it.ballot}"
    if it.type == PROMISE and it.other != NONE:
        return f"{short}, {it.other}={_brief(it.value)}"
    if it.type == REFUSED:
        return f"{short}, {it.other}"
    return short if it.type in (PREPARE, PROMISE) else f"{short}={_brief(it.value)}"


def _brief(value: bytes) -> str:
    return annotate.quoted(value) if len(value) <= 16 else f"{len(value)} bytes"


def kind(data: bytes) -> str:
    """A message's kind: its title, or bad."""
    try:
        return TITLES[decode(data).type]
    except Malformed:
        return "bad"


def says(data: bytes) -> str:
    """What a message tells its receiver; "" where it is malformed."""
    try:
        it = decode(data)
    except Malformed:
        return ""
    if it.type == PREPARE:
        return f"Will you promise ballot {it.ballot}?"
    if it.type == PROMISE:
        last = f"{shown(it.value)} in ballot {it.other}" if it.other != NONE else "nothing yet"
        return f"Yes, I promise ballot {it.ballot}. I have accepted {last}."
    if it.type == ACCEPT:
        return f"Will you accept {shown(it.value)} in ballot {it.ballot}?"
    if it.type == ACCEPTED:
        return f"I have accepted {shown(it.value)} in ballot {it.ballot}."
    return f"No to ballot {it.ballot}: I have promised {it.other}."


def life(state: State) -> str:
    """A server in the drawing."""
    if state[7]:
        return "#"
    return "?" if state[2] else "|"


def begins(kind: str, state: State) -> str:
    """How a step is called that starts a server or proposes; else ""."""
    known = Ballot(*state[3:5])
    return {START: f"start {known}" if known != NONE else "start", PROPOSE: "propose"}.get(kind, "")


def of_state(state: State) -> str:
    role = ROLES[state[2]] if 0 <= state[2] < len(ROLES) else f"phase {state[2]}"
    return f"deadline {state[0]}, {role}, promised {Ballot(*state[3:5])}"


def changes(server: int, before: State | None, state: State) -> list[tuple[str, str]]:
    """In words, and in a few letters for the drawing."""
    known = before or (0, 0, 0, *state[3:7], 0)
    found = []
    if state[2] != known[2] and 0 <= state[2] < len(ROLES):
        found.append((f"Its proposal is {ROLES[state[2]]}.", ROLES[state[2]] if state[2] else ""))
    if state[3:5] != known[3:5]:
        found.append((f"It has promised {Ballot(*state[3:5])} now.", ""))
    if state[5:7] != known[5:7]:
        found.append((f"It has accepted ballot {Ballot(*state[5:7])} now.", ""))
    if state[7] and not known[7]:
        found.append(("It has decided.", ""))
    return found


def of_effect(effect: Effect, entries: int = 1) -> str:
    kind = effect[0]
    if kind == SAVE_VOTE:
        return f"saves its promise of ballot {Ballot(*effect[1:3])}"
    if kind == SAVE_ENTRY:
        return f"saves that it accepted {shown(effect[3])} in ballot {Ballot(*effect[1:3])}"
    if kind == APPLY:
        return f"decides {shown(effect[3])}"
    return f"sends to S{effect[1]}" if kind == SEND else "syncs: all that it saved is durable now"


def runs(effects: Sequence[Effect]) -> list[list[Effect]]:
    """Each effect is told alone."""
    return [[effect] for effect in effects]


def short(effect: Effect, entries: int = 1) -> str:
    """What a server did beside sending, in a few letters."""
    kind = effect[0]
    if kind == SAVE_VOTE:
        return f"saves promised {Ballot(*effect[1:3])}"
    if kind == SAVE_ENTRY:
        return f"saves accepted {Ballot(*effect[1:3])}={_brief(effect[3])}"
    return f"decides {_brief(effect[3])}" if kind == APPLY else "syncs"


def on_disk(disk: Disk) -> tuple[str, str]:
    """What is durable, and what was saved and is not."""
    promised, accepted = Ballot(*disk.vote), disk.accepted if isinstance(disk, PaxosDisk) else None
    parts = [f"promised {promised}"] if promised != NONE else []
    if accepted:
        parts.append(f"accepted {accepted[0]}={_brief(accepted[1])}")
    pending = [short(one).removeprefix("saves ") for one in disk.unsynced]
    return ", ".join(parts) or "nothing", "; ".join(pending[-3:])


def of_input(one: Input, disk: Disk) -> str:
    """What happened, before any answer to it. ``disk`` is the server's."""
    _, kind, _, server, first, _ = one
    if kind == START:
        return f"Server {server} starts. On its disk: {on_disk(disk)[0]}."
    if kind == PROPOSE:
        return f"A client asks server {server} to propose {shown(first)}."
    if kind == EXPECT:
        return "By now all servers should have decided."
    if kind == TICK:
        return f"Server {server} looks at its clock."
    return of_input_of_all(one)


def of_saved(server: int, disk: Disk) -> str:
    """What a server has saved before its first start."""
    return f"The disk of server {server} holds: {on_disk(disk)[0]}."
