"""Runs as files: JSON Lines that people can read. The first line says which cluster this is, and
which rule was broken; each other one is an input, and what the server did about it.

Replay needs ``event``, ``at``, ``do``, ``server`` and what the kind of input adds; the rest is for
readers and for drawings.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grader.errors import UsageError
from grader.sim.cluster import DOOM, EXPECT, HEAL, PROPOSE, RECEIVE, START, Input
from grader.sim.run import Run
from grader.sim.server import SEND, Answer, Config, Effect

_VERSION = 1
_EFFECTS = ("", "send", "save_vote", "save_entry", "sync", "apply")
_STATE = ("deadline", "returned", "role", "term", "voted_for", "leader", "last_index", "commit")
_ROLES = ("follower", "candidate", "leader")
# What the last two places of an input are called.
_MORE = {
    START: ("seed",),
    RECEIVE: ("of", "which"),
    PROPOSE: ("data",),
    DOOM: ("after", "kept"),
    EXPECT: ("leader", "term"),
}


def write(path: Path, run: Run, **about: Any) -> None:
    """``about`` joins the first line: seed, stage and number of the run."""
    head: dict[str, Any] = {"version": _VERSION, **about, "config": asdict(run.config)}
    if run.broken is not None:
        head |= {"broken": run.broken.rule, "words": run.broken.words}
    sent: dict[tuple[int, int], bytes] = {}
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head) + "\n")
        for at, one in enumerate(run.inputs):
            answer = run.answers[at] if at < len(run.answers) else None
            line = _line(one, answer, sent)
            if one[0] in run.crashed:
                line["crashes"] = True
            file.write(json.dumps(line) + "\n")


def _line(one: Input, answer: Answer | None, sent: dict[tuple[int, int], bytes]) -> dict[str, Any]:
    number, kind, at, server, *more = one
    line: dict[str, Any] = {"event": number, "at": at, "do": kind, "server": server}
    for name, value in zip(_MORE.get(kind, ()), more, strict=False):
        line[name] = value.hex() if isinstance(value, bytes) else value
    if kind == RECEIVE:
        line["message"] = sent[more[0], more[1]].hex()
    if answer is not None and kind not in (DOOM, HEAL, EXPECT):
        effects, state = answer
        messages = [effect[2] for effect in effects if effect[0] == SEND]
        sent.update({(number, which): data for which, data in enumerate(messages)})
        line["effects"] = [_effect(effect) for effect in effects]
        line["state"] = dict(zip(_STATE, state, strict=True)) | {"role": _role(state[2])}
    return line


def _role(number: int) -> str:
    return _ROLES[number] if 0 <= number < len(_ROLES) else str(number)


def _effect(effect: Effect) -> list[str | int]:
    more = [one.hex() if isinstance(one, bytes) else one for one in effect[1:]]
    return [_EFFECTS[effect[0]], *more]


def read(path: Path) -> tuple[dict[str, Any], Config, list[Input]]:
    """The first line, the cluster, and the inputs. Raises UsageError."""
    try:
        head, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        if head["version"] != _VERSION:
            raise UsageError(f"{path}: a trace of version {head['version']}, not {_VERSION}")
        return head, Config(**head["config"]), [_input(line) for line in lines]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no trace: {error}") from error


def _input(line: dict[str, Any]) -> Input:
    kind = line["do"]
    first, second = ([line[name] for name in _MORE.get(kind, ())] + [0, 0])[:2]
    if kind == PROPOSE:
        first = bytes.fromhex(first)
    return line["event"], kind, line["at"], line["server"], first, second
