"""What a run's steps and messages are called, in English."""

from __future__ import annotations

from collections.abc import Sequence

from grader.sim.cluster import AGREE, CRASH, DOOM, EXPECT, HEAL, PROPOSE, START, TICK, Disk, Input
from grader.sim.invariants import APPEND, REPLY, REQUEST, decode
from grader.sim.server import (
    APPLY,
    CANDIDATE,
    FOLLOWER,
    LEADER,
    SAVE_ENTRY,
    SAVE_VOTE,
    SEND,
    Effect,
    State,
)
from grader.wire import annotate
from grader.wire.annotate import Reading
from grader.wire.messages import Malformed
from grader.wire.walk import counted

EFFECTS: tuple[str, ...] = ("", "send", "save_vote", "save_entry", "sync", "apply")
STATE: tuple[str, ...] = (
    "deadline",
    "returned",
    "role",
    "term",
    "voted_for",
    "leader",
    "last_index",
    "commit",
)
ROLES: tuple[str, ...] = ("follower", "candidate", "leader")
LEGEND = (
    "| follower  ? candidate  # leader  : down  X crash  (events that changed nothing are left out)"
)
EXPECTED = "all should follow one leader"
_LIVES = "|?#"  # by role


def reading(data: bytes) -> Reading:
    """A message field by field."""
    return annotate.read(data, annotate.MESSAGES)


def life(state: State) -> str:
    """A server in the drawing."""
    return _LIVES[state[2]] if 0 <= state[2] < len(_LIVES) else "|"


def begins(kind: str, state: State) -> str:
    """How a step is called that starts a server or proposes; else ""."""
    return {START: f"start t{state[3]}", PROPOSE: "propose"}.get(kind, "")


def of_state(state: State) -> str:
    return f"deadline {state[0]}, role {state[2]}, term {state[3]}"


def name(data: bytes) -> str:
    """A message in a few letters."""
    try:
        fields = decode(data)
    except Malformed:
        return "malformed"
    number, term = fields[0], fields[2]
    if number == REQUEST:
        return f"vote? t{term} {fields[4]}/{fields[5]}"
    if number == REPLY:
        return f"{'yes' if fields[3] else 'no'} t{term}"
    if number == APPEND:
        return f"beat t{term}" if not fields[-1] else f"+{fields[-1]} after {fields[4]} t{term}"
    return f"{'ok' if fields[5] else 'fail'} t{term} {fields[4]}"


def kind(data: bytes) -> str:
    """A message's kind: ask, yes, no, beat, entries, ok, fail or bad."""
    try:
        fields = decode(data)
    except Malformed:
        return "bad"
    if fields[0] == REQUEST:
        return "ask"
    if fields[0] == REPLY:
        return "yes" if fields[3] else "no"
    if fields[0] == APPEND:
        return "entries" if fields[-1] else "beat"
    return "ok" if fields[5] else "fail"


def says(data: bytes) -> str:
    """What a message tells its receiver; "" where it is malformed."""
    try:
        fields = decode(data)
    except Malformed:
        return ""
    number, term = fields[0], fields[2]
    if number == REQUEST:
        log = f"ends at index {fields[4]}, in term {fields[5]}" if fields[4] else "is empty"
        return f"Will you vote for server {fields[3]} in term {term}? Its log {log}."
    if number == REPLY:
        return f"Yes, you have my vote in term {term}." if fields[3] else f"No. My term is {term}."
    if number == APPEND:
        place = f"after index {fields[4]} of term {fields[5]}" if fields[4] else "from index 1 on"
        what = f"append {fields[-1]} {place}" if fields[-1] else "there is nothing to append"
        committed = f"all up to index {fields[6]}" if fields[6] else "nothing yet"
        return f"Server {fields[3]} leads in term {term}: {what}. Committed: {committed}."
    if fields[5]:
        return f"Yes, in term {term}. Our logs match up to index {fields[4]}."
    return f"No. My term is {term}; try after index {fields[4]}."


def changes(server: int, before: State | None, state: State) -> list[tuple[str, str]]:
    """In words, and in a few letters for the drawing."""
    _, _, role, term, vote, leader, last, commit = state
    known = before or (0, 0, 0, term, vote, leader, last, commit)
    found = []
    name = ROLES[role] if 0 <= role < len(ROLES) else f"role {role}"
    if role != known[2] or (role == CANDIDATE and term != known[3]):
        article = "the" if role == LEADER else "a"
        short = f"t{term}" if role == FOLLOWER and term != known[3] else f"{name} t{term}"
        found.append((f"It becomes {article} {name} in term {term}.", short))
        if term != known[3]:
            found.append((f"Its term was {known[3]}.", ""))
    elif term != known[3]:
        found.append((f"Its term is {term} now, after {known[3]}.", f"t{term}"))
    if vote and (term, vote) != known[3:5]:
        whom = "itself" if vote == server else f"server {vote}"
        tag = "" if vote == server else f"votes S{vote}"
        found.append((f"It votes for {whom} in term {term}.", tag))
    if leader and (term, leader) != (known[3], known[5]) and role != LEADER:
        found.append(
            (f"It follows server {leader}, the leader of term {term}.", f"follows S{leader}")
        )
    if last != known[6]:
        found.append((f"Its log ends at {last} now, after {known[6]}.", f"log {last}"))
    if commit != known[7]:
        found.append((f"Its commit index is {commit} now, after {known[7]}.", f"commit {commit}"))
    return found


def of_effect(effect: Effect, entries: int = 1) -> str:
    """In words; ``entries`` are saved or applied like it from this one on."""
    kind = effect[0]
    if kind == SAVE_VOTE:
        return (
            f"saves term {effect[1]} and {f'a vote for S{effect[2]}' if effect[2] else 'no vote'}"
        )
    if kind in (SAVE_ENTRY, APPLY):
        verb = "saves" if kind == SAVE_ENTRY else "applies"
        if entries > 1:
            return f"{verb} entries {effect[1]} to {effect[1] + entries - 1} of term {effect[2]}"
        return f"{verb} entry {effect[1]} of term {effect[2]}: {annotate.quoted(effect[3])}"
    return f"sends to S{effect[1]}" if kind == SEND else "syncs: all that it saved is durable now"


def runs(effects: Sequence[Effect]) -> list[list[Effect]]:
    """Entries of one term that are saved or applied one after the other, together; each other
    effect alone.
    """
    found: list[list[Effect]] = []
    for effect in effects:
        last = found[-1][-1] if found else ()
        if effect[0] in (SAVE_ENTRY, APPLY) and last[:3] == (effect[0], effect[1] - 1, effect[2]):
            found[-1].append(effect)
        else:
            found.append([effect])
    return found


def short(effect: Effect, entries: int = 1) -> str:
    """What a server did beside sending, in a few letters; ``entries`` like it from this one on."""
    kind = effect[0]
    if kind == SAVE_VOTE:
        return f"saves t{effect[1]}" + (f" for S{effect[2]}" if effect[2] else "")
    if kind in (SAVE_ENTRY, APPLY):
        verb, index = "saves" if kind == SAVE_ENTRY else "applies", effect[1]
        which = f"entry {index}" if entries == 1 else f"entries {index}-{index + entries - 1}"
        return f"{verb} {which} t{effect[2]}"
    return "syncs"


def on_disk(disk: Disk) -> tuple[str, str]:
    """What is durable, and what was saved and is not."""
    term, vote = disk.vote
    parts = [_saved(term, vote)] if term or vote else []
    parts += [f"log {len(disk.entries)}"] if disk.entries else []
    pending = [
        _saved(one[1], one[2]) if one[0] == SAVE_VOTE else f"entry {one[1]}"
        for one in disk.unsynced
    ]
    return ", ".join(parts) or "nothing", "; ".join(pending[-3:])


def _saved(term: int, vote: int) -> str:
    return f"t{term}, vote S{vote}" if vote else f"t{term}, no vote"


def of_input(one: Input, disk: Disk) -> str:
    """What happened, before any answer to it. ``disk`` is the server's."""
    _, kind, _, server, first, second = one
    if kind == START:
        durable = on_disk(disk)[0]
        return f"Server {server} starts. On its disk: {durable}."
    if kind == TICK:
        return f"Server {server} looks at its clock."
    if kind == PROPOSE:
        return f"A client asks server {server} to append {annotate.quoted(first)}."
    if kind == EXPECT and first:
        return f"All servers should follow server {first} in term {second} still."
    if kind == AGREE:
        return f"By now all servers should have the log of server {first}, and have applied it."
    if kind == EXPECT:
        return "By now all servers should follow one leader."
    return of_input_of_all(one)


def of_input_of_all(one: Input) -> str:
    """The same for an input that is the same in every protocol."""
    _, kind, _, server, first, _ = one
    if kind == DOOM:
        return (
            f"Server {server} is to crash the next time it does anything: after "
            f"{counted(first, 'effect')}."
        )
    if kind == CRASH:
        return f"Server {server} crashes."
    if kind == HEAL:
        return "The network heals: from now on it loses and delays nothing."
    return f"Server {server} receives a message."


def of_saved(server: int, disk: Disk) -> str:
    """What a server has saved before its first start."""
    return f"The disk of server {server} holds: {on_disk(disk)[0]}."


def of_crash(done: int) -> str:
    """A crash among the effects of an event."""
    return f"It crashes after {counted(done, 'effect')}: what was to come never happened."


def of_receipt(server: int, title: str, sender: int, again: bool) -> str:
    """What happened, where it is known what arrived."""
    article = "an" if title.startswith("A") else "a"
    once_more = " once more" if again else ""
    whose = f"server {sender}" if sender else "a server that is not known"
    return f"Server {server} receives {article} {title} from {whose}{once_more}."
