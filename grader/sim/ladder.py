"""A run as a ladder for the terminal: a column a server, time downwards, an arrow for each message
at the moment when it arrives, and at the right what the receiver did.
"""

from __future__ import annotations

from grader.sim.cluster import DOOM, EXPECT, HEAL, RECEIVE, START, Input
from grader.sim.invariants import APPEND, REPLY, REQUEST, decode
from grader.sim.run import Run
from grader.sim.server import APPLY, SAVE_ENTRY, SAVE_VOTE, SEND, Answer, Effect
from grader.wire.messages import Malformed

_MARGIN = 9
_WIDE, _NARROW = 20, 14  # of a column, in clusters of up to three servers and in others
_WORDS = {HEAL: "the network heals", EXPECT: "all should follow one leader"}
_ROLES = ("follower", "candidate", "leader")


def name(message: bytes) -> str:
    """A message in a few letters."""
    try:
        fields = decode(message)
    except Malformed:
        return "malformed"
    kind, term = fields[0], fields[2]
    if kind == REQUEST:
        return f"vote? t{term} {fields[4]}/{fields[5]}"
    if kind == REPLY:
        return f"{'yes' if fields[3] else 'no'} t{term}"
    if kind == APPEND:
        return f"beat t{term}" if not fields[-1] else f"{fields[-1]} after {fields[4]} t{term}"
    return f"{'ok' if fields[5] else 'fail'} t{term} {fields[4]}"


def draw(run: Run, last: int = 60) -> str:
    """Its last events, and the rule that was broken."""
    width = _WIDE if run.config.servers <= 3 else _NARROW
    servers = range(1, run.config.servers + 1)
    up: set[int] = set()
    sent: dict[tuple[int, int], tuple[int, bytes]] = {}
    rows = [" " * _MARGIN + "".join(f"{f'S{server}':<{width}}" for server in servers)]
    for at, one in enumerate(run.inputs):
        answer = run.answers[at] if at < len(run.answers) else None
        if one[1] == START:
            up.add(one[3])
        rows.append(_row(one, answer, sent, [server in up for server in servers], width))
        if one[0] in run.crashed:
            rows[-1] += ", crashes"
            up.discard(one[3])
    skipped = max(0, len(rows) - 1 - last)
    shown = [rows[0], *([f"   ... {skipped} events before"] if skipped else []), *rows[1:][-last:]]
    if run.broken is not None:
        shown.append(f"   broken: {run.broken.rule}: {run.broken.words}")
    return "\n".join(line.rstrip() for line in shown)


def _row(
    one: Input,
    answer: Answer | None,
    sent: dict[tuple[int, int], tuple[int, bytes]],
    up: list[bool],
    width: int,
) -> str:
    number, kind, at, server, first, second = one
    line = list("".join(f"{'|' if runs else ':':<{width}}" for runs in up))
    if kind in _WORDS:
        return f"{at:>{_MARGIN - 3}}   {''.join(line)}{_WORDS[kind]}"
    if kind == RECEIVE:
        sender, message = sent[first, second]
        _arrow(line, (sender - 1) * width, (server - 1) * width, name(message))
    else:
        line[(server - 1) * width] = "*"
    note = f"S{server}"
    note += " " + kind if kind != RECEIVE else ""
    if answer is not None and kind != DOOM:
        effects, state = answer
        messages = [effect for effect in effects if effect[0] == SEND]
        for which, effect in enumerate(messages):
            sent[number, which] = (server, effect[2])
        role = _ROLES[state[2]] if 0 <= state[2] < 3 else f"role {state[2]}"
        note += f" ({role} t{state[3]})" + "".join(f", {words}" for words in _all_words(effects))
    return f"{at:>{_MARGIN - 3}}   {''.join(line)}{note}"


def _arrow(line: list[str], start: int, end: int, label: str) -> None:
    """From one column to another, with the label in its middle."""
    low, high = min(start, end), max(start, end)
    for place in range(low + 1, high):
        line[place] = "-"
    line[start] = "o"
    line[end - 1 if end > start else end + 1] = ">" if end > start else "<"
    label = f" {label} "[: high - low - 4]
    middle = (low + high - len(label)) // 2 + 1
    line[middle : middle + len(label)] = label


def _all_words(effects: list[Effect]) -> list[str]:
    """The same message to several servers is told once."""
    found: list[str] = []
    for effect in effects:
        if effect[0] == SEND:
            words = f"{name(effect[2])} to"
            if not found or not found[-1].startswith(words):
                found.append(words)
            found[-1] += f" S{effect[1]}"
        else:
            found.append(_words(effect))
    return found


def _words(effect: Effect) -> str:
    kind = effect[0]
    if kind == SAVE_VOTE:
        return f"saves t{effect[1]} for {f'S{effect[2]}' if effect[2] else 'nobody'}"
    if kind in (SAVE_ENTRY, APPLY):
        return f"{'saves' if kind == SAVE_ENTRY else 'applies'} entry {effect[1]} t{effect[2]}"
    return "syncs"
