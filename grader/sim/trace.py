"""Runs as files: JSON Lines that people can read. The first line says which cluster this is, and
which rule was broken; each other one is an input, and what the server did about it.

Replay needs ``event``, ``at``, ``do``, ``server`` and what the kind of input adds; the rest is for
readers and for drawings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader.errors import UsageError
from grader.sim.cluster import (
    AGREE,
    CRASH,
    DISK,
    DOOM,
    EXPECT,
    HEAL,
    PROPOSE,
    QUIET,
    RECEIVE,
    START,
    TELL,
    TICK,
    Input,
)
from grader.sim.family import Family, Words
from grader.sim.invariants import Broken
from grader.sim.run import RULE_SETS, Rules, Run, family
from grader.sim.server import SAVE_VOTE, SEND, SYNC, Answer, Config, Effect

_VERSION = 1
_ROLE = 2  # its place in a state
# What the last two places of an input are called.
_MORE = {
    DISK: ("saved",),
    START: ("seed",),
    RECEIVE: ("of", "which"),
    TELL: ("message", "sender"),
    PROPOSE: ("data",),
    CRASH: ("after", "kept"),
    DOOM: ("after", "kept"),
    EXPECT: ("leader", "term"),
    AGREE: ("leader",),
}
_MOST_SERVERS = 64  # as in raft.h


@dataclass(frozen=True)
class Trace:
    """A file: its first line, and what replay needs of the others, which are here as they were."""

    head: dict[str, Any]
    config: Config
    rules: Rules
    inputs: list[Input]
    lines: list[dict[str, Any]]

    @property
    def family(self) -> Family:
        return family(self.rules)

    def again(self, run: Run) -> int | None:
        """Where a replay did something else: the place of an event; None for the same again."""
        for at, (then, now) in enumerate(zip(self.lines, lines(run), strict=False)):
            if then != now:
                return at
        return None if len(self.lines) == len(run.inputs) else len(run.inputs)

    def recorded(self) -> Run:
        """The run as it was, for drawings: that needs no program. Raises UsageError."""
        head, words = self.head, family(self.rules).words
        try:
            answers = [
                _answer(one, words) for one in self.lines if one["do"] in QUIET or "effects" in one
            ]
            crashed = {int(one["event"]) for one in self.lines if one.get("crashes")}
            at_fault = int(head.get("at_fault", 0))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise UsageError(f"this trace makes no sense: {error}") from error
        broken = None
        if "broken" in head:
            broken = Broken(str(head["broken"]), at_fault, str(head.get("words")))
        spent = self.inputs[-1][2] - self.inputs[0][2] if self.inputs else 0
        return Run(self.config, self.inputs, answers, crashed, spent, broken, {}, self.rules)


def write(path: Path, run: Run, **about: Any) -> None:
    """``about`` joins the first line: seed, stage and number of the run."""
    head: dict[str, Any] = {"version": _VERSION, **about, "rules": run.rules.__name__}
    head["config"] = asdict(run.config)
    if run.broken is not None:
        head |= {"broken": run.broken.rule, "at_fault": run.broken.server}
        head |= {"words": run.broken.words}
    with path.open("w", encoding="utf-8") as file:
        for line in (head, *lines(run)):
            file.write(json.dumps(line) + "\n")


def lines(run: Run) -> Iterator[dict[str, Any]]:
    """The events of a run, as a trace has them."""
    sent: dict[tuple[int, int], tuple[int, bytes]] = {}
    for at, one in enumerate(run.inputs):
        answer = run.answers[at] if at < len(run.answers) else None
        line = _line(one, answer, sent, run.family.words)
        if one[0] in run.crashed:
            line["crashes"] = True
        yield line


def _line(
    one: Input,
    answer: Answer | None,
    sent: dict[tuple[int, int], tuple[int, bytes]],
    words: Words,
) -> dict[str, Any]:
    number, kind, at, server, *more = one
    line: dict[str, Any] = {"event": number, "at": at, "do": kind, "server": server}
    for name, value in zip(_MORE.get(kind, ()), more, strict=False):
        line[name] = value.hex() if isinstance(value, bytes) else _plain(value)
    if kind == RECEIVE:
        line["sender"], message = sent[more[0], more[1]]
        line["message"] = message.hex()
    if answer is not None and kind not in QUIET:
        effects, state = answer
        messages = [effect[2] for effect in effects if effect[0] == SEND]
        sent.update({(number, which): (server, data) for which, data in enumerate(messages)})
        line["effects"] = [_effect(effect, words) for effect in effects]
        names = dict(zip(words.STATE, state, strict=True))
        line["state"] = names | {words.STATE[_ROLE]: _role(state[_ROLE], words)}
    return line


def _plain(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    return [[one[0], one[1].hex()] if isinstance(one, tuple) else one for one in value]


def saved(line: list[Any]) -> tuple[Any, ...]:
    """What a DISK holds, as a line of a trace has it."""
    return tuple((one[0], bytes.fromhex(one[1])) if type(one) is list else one for one in line)


def _is_saved(one: Any) -> bool:
    return type(one[0] if isinstance(one, tuple) else one) is int


def _role(number: int, words: Words) -> str:
    return words.ROLES[number] if 0 <= number < len(words.ROLES) else str(number)


def _effect(effect: Effect, words: Words) -> list[str | int]:
    more = [one.hex() if isinstance(one, bytes) else one for one in effect[1:]]
    return [words.EFFECTS[effect[0]], *more]


def read(path: Path) -> Trace:
    """Raises UsageError."""
    try:
        head, *others = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        if head["version"] != _VERSION:
            raise UsageError(f"{path}: a trace of version {head['version']}, not {_VERSION}")
        inputs = [_input(line) for line in others]
        rules = RULE_SETS[head["rules"]]
        found = Trace(head, Config(**head["config"]), rules, inputs, others)
        _check(found)
        return found
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise UsageError(f"{path} is no trace: {error}") from error


def _check(trace: Trace) -> None:
    """What replay and drawings rely on. Raises ValueError."""
    if not all(type(value) is int for value in asdict(trace.config).values()):
        raise ValueError(f"a cluster of {trace.config}")
    if trace.config.servers not in range(1, _MOST_SERVERS + 1):
        raise ValueError(f"{trace.config.servers} servers")
    for number, kind, at, server, first, second in trace.inputs:
        if kind != TICK and kind not in _MORE and kind != HEAL:
            raise ValueError(f"event {number}: {kind}")
        if not all(type(one) is int for one in (number, at, second)):
            raise ValueError(f"event {number}: at {at}, {second}")
        if server not in range(kind not in (HEAL, EXPECT, AGREE), trace.config.servers + 1):
            raise ValueError(f"event {number}: server {server}")
        if kind == AGREE and first not in range(1, trace.config.servers + 1):
            raise ValueError(f"event {number}: the log of server {first}")
        if kind == DISK and not (len(first) >= 2 and all(map(_is_saved, first))):
            raise ValueError(f"event {number}: saved {first}")


def _answer(line: dict[str, Any], words: Words) -> Answer:
    """What ``_line`` made of it."""
    if line["do"] in QUIET:
        return [], (0,) * 8
    state = dict(line["state"])
    role = words.STATE[_ROLE]
    if state[role] in words.ROLES:
        state[role] = words.ROLES.index(state[role])
    one, two, three, four, five, six, seven, eight = (int(state[name]) for name in words.STATE)
    known = (one, two, three, four, five, six, seven, eight)
    return [_recorded(effect, words) for effect in line["effects"]], known


def _recorded(effect: list[Any], words: Words) -> Effect:
    """An effect as it was, with bytes where there are any: at its end."""
    kind, numbers = words.EFFECTS.index(effect[0], 1), effect[1:]
    if kind == SYNC:
        return (kind,)
    data = () if kind == SAVE_VOTE else (bytes.fromhex(numbers.pop()),)
    if len(numbers) != (1 if kind == SEND else 2):
        raise ValueError(f"an effect {effect[0]} of {len(effect)} parts")
    return (kind, *map(int, numbers), *data)


def _input(line: dict[str, Any]) -> Input:
    kind = line["do"]
    first, second = ([line[name] for name in _MORE.get(kind, ())] + [0, 0])[:2]
    if kind in (PROPOSE, TELL):
        first = bytes.fromhex(first)
    elif kind == DISK:
        first = saved(first)
    return line["event"], kind, line["at"], line["server"], first, second
