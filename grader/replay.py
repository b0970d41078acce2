"""``make replay``: a failure again. Of programs that a stage talks to, the stage is run anew; of
simulated servers, the events of the trace are, one by one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from grader import engine
from grader.errors import UsageError
from grader.labs import Lab
from grader.labs.simulator import Simulator
from grader.labs.stage import Stage
from grader.report import escape, transcript
from grader.run import build
from grader.run.debugger import Debugger
from grader.run.sandbox import Sandbox
from grader.run.world import Event
from grader.settings import Settings, folders
from grader.sim import capture, ladder, page, trace
from grader.sim.cluster import CRASH, DISK, DOOM, RECEIVE, START, TELL, Disk, Input
from grader.sim.invariants import ASKED
from grader.sim.run import Run, replay
from grader.sim.server import SAVE_ENTRY, SAVE_VOTE, SYNC
from grader.sim.trace import Trace


@dataclass(frozen=True)
class Old:
    """What a trace says of the run that it is from."""

    path: Path
    head: dict[str, Any]
    lines: list[dict[str, Any]]

    @property
    def is_simulated(self) -> bool:
        return "config" in self.head

    def settings(self, now: Settings, stage: Stage) -> Settings:
        """The same stage and seed, on the same tree; on the tree that the caller names, if any."""
        work = now.work if os.environ.get("WORK", "labs") != "labs" else Path(self.head["work"])
        if self.is_simulated and not work.is_dir():
            work = now.work
        if not work.is_dir():
            raise UsageError(f"TRACE={self.path}: the folder that it graded is gone: {work}")
        borrow = now.borrow or folders(str(self.head.get("borrow", "")))
        seed = int(self.head["seed"])
        return replace(now, work=work, seed=seed, stage=stage.id, go_on=True, borrow=borrow)


def read(path: str | None) -> Old:
    """Raises UsageError."""
    if not path:
        raise UsageError("which trace? TRACE=out/traces/lab1-1.4.jsonl names one")
    try:
        head, *lines = map(json.loads, Path(path).read_text(encoding="utf-8").splitlines())
        head["stage"], int(head["seed"]), Path(head["work"])
    except OSError as error:
        raise UsageError(f"TRACE={path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"TRACE={path}: this is no trace of the grader") from error
    return Old(Path(path), head, lines)


def show_events(old: Old, console: Console) -> None:
    """All that was sent and seen then."""
    try:
        seen = [Event(**{**event, "data": bytes.fromhex(event["data"])}) for event in old.lines]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"TRACE={old.path}: this is no trace of the grader") from error
    console.print(
        f"what happened then ({old.head['verdict']}: {escape.visible(old.head['summary'])})",
        markup=False,
    )
    for event in seen:
        console.print(
            f"{event.at:9.4f} s  {escape.visible(transcript.describe(event))}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    console.print("the same stage, with the same seed, now:", markup=False)


def again(
    old: Old, lab: Lab, settings: Settings, made: Sandbox, builder: build.Builder, console: Console
) -> int:
    """The same events for the same servers. Says whether it ends as it did then; 0 in any case."""
    known = trace.read(old.path)
    plan = engine.Plan(lab, settings.seed)
    with engine.bare_attempt(plan, made, builder) as attempt:
        simulator = Simulator(attempt, family=known.family)
        run = replay(simulator.host, known.config, known.inputs, rules=known.rules)
    say = _printer(console)
    say(ladder.draw(run))
    say(f"then: {old.head.get('verdict', '')}: {old.head.get('summary', '')}")
    is_same = _compare(known, run, say)
    _write(old, run, settings.out / "traces", say, is_same=is_same)
    return 0


def _write(old: Old, run: Run, folder: Path, say: Callable[[str], None], *, is_same: bool) -> None:
    """The page, and the capture if one is asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"replay-{old.path.stem.removeprefix('replay-')}"
    about = {"stage": old.head["stage"], "seed": old.head["seed"]}
    if is_same:
        about |= {name: old.head.get(name, "") for name in ("verdict", "summary")}
    if run.family.has_page:
        page.write(folder / f"{name}.html", run, **about)
        say(f"step through it: {folder / name}.html")
    wanted = os.environ.get("FORMAT", "")
    if wanted == "pcap":
        capture.write(folder / f"{name}.pcap", run)
        say(f"its messages: {folder / name}.pcap")
    elif wanted:
        raise UsageError(f"FORMAT={wanted}: a replay is written as pcap")


def alone(known: Trace) -> list[Input]:
    """Of the server at fault: its last life, with the same messages, of which nobody is needed as
    their sender.
    """
    server, kept = at_fault(known), 0
    disk, found = known.family.cluster.disk(), list[Input]()
    for one, line in zip(known.inputs, known.lines, strict=True):
        number, kind, now, at, _, second = one
        if at != server:
            continue
        if kind in (DOOM, CRASH):
            kept = second
        if kind in (DOOM, CRASH) and not line.get("crashes"):
            continue
        if kind == START:
            found = [(number - 1, DISK, now, at, disk.saved(), 0)]
        if kind == RECEIVE:
            one = (number, TELL, now, at, bytes.fromhex(line["message"]), line["sender"])
        if kind != CRASH:
            found.append(one)
        _save(disk, line, kept, known.family.words.EFFECTS)
    return found


def at_fault(known: Trace) -> int:
    """The server that broke the rule; if that was none alone, the last one that did anything."""
    servers = [one[3] for one in known.inputs if one[3]]
    return known.head.get("at_fault") or (servers[-1] if servers else 1)


def _save(disk: Disk, line: dict[str, Any], kept: int, effects: tuple[str, ...]) -> None:
    """What a server did to its disk; a crash keeps so much of what was not synced."""
    if line["do"] == DISK:
        disk.unsynced = disk.saves(trace.saved(line["saved"]))
        disk.sync()
    for name, *words in line.get("effects", ()):
        kind = effects.index(name)
        if kind == SAVE_VOTE:
            disk.unsynced.append((SAVE_VOTE, *words))
        elif kind == SAVE_ENTRY:
            disk.unsynced.append((SAVE_ENTRY, *words[:2], bytes.fromhex(words[2])))
        elif kind == SYNC:
            disk.sync()
    if line.get("crashes"):
        disk.unsynced = disk.unsynced[:kept]
        disk.sync()


def debug(lab: Lab, settings: Settings, made: Sandbox, builder: build.Builder) -> bool:
    """The server at fault under gdb, with what happened to it when its stage failed last. False if
    that is not known.
    """
    path = settings.out / "traces" / f"lab{lab.number}-{settings.stage}.jsonl"
    if not path.exists() or not read(str(path)).is_simulated:
        return False
    known = trace.read(path)
    print(
        f"gdb: server {at_fault(known)}, with what happened to "
        f"it when the stage failed: {escape.visible(str(known.head.get('summary', '')))}"
    )
    plan = engine.Plan(lab, settings.seed, debugger=Debugger(settings.work))
    with engine.bare_attempt(plan, made, builder) as attempt:
        simulator = Simulator(attempt, family=known.family)
        replay(simulator.host, known.config, alone(known), rules=known.rules)
    return True


def _printer(console: Console) -> Callable[[str], None]:
    def say(words: str) -> None:
        console.print(escape.visible(words), markup=False, highlight=False, soft_wrap=True)

    return say


def _compare(known: Trace, run: Run, say: Callable[[str], None]) -> bool:
    at = known.again(run)
    broken = run.broken.rule if run.broken else None
    rule = known.head.get("broken")
    if at is None and rule is None and broken is None:
        say("now: the effects of the first of the two runs; make lab5 makes both again")
        return True
    if at is None and (broken == rule or (broken is None and rule == ASKED)):
        say(f"now: the same failure, at the same event, {run.inputs[-1][0]}")
        return True
    if run.broken is not None:
        say(f"now: broken: {run.broken}")
    if at is None or at >= min(len(known.lines), len(run.inputs)):
        say(f"now: not the same: {len(run.inputs)} events instead of {len(known.lines)}")
    else:
        then, now = known.lines[at], list(trace.lines(run))[at]
        say(f"now: not the same from event {then['event']} on")
        for name in sorted({name for line in (then, now) for name in line}):
            if then.get(name) != now.get(name):
                say(f"  {name} then: {then.get(name)}")
                say(f"  {name} now:  {now.get(name)}")
    return False
