"""The commands behind the Makefile. Options come from its variables: WORK, OUT, SEED, STAGE, ALL
and so on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from grader import bench, doctor, engine, explain, kit, replay, starters
from grader.errors import MachineError, UsageError, story
from grader.labs import LABS, Lab
from grader.labs.hints import hint_for
from grader.labs.stage import Stage
from grader.report import escape, terminal, write
from grader.report.model import LabResult
from grader.run import build, isolation
from grader.run.debugger import Debugger
from grader.run.runtime import runtime_folder
from grader.run.sandbox import Sandbox
from grader.settings import Settings
from grader.verdicts import StageFailure, Verdict

ROOT = build.ROOT


def lab_named(text: str) -> Lab:
    """The lab with that number; raises UsageError if there is none."""
    for lab in LABS:
        if text == str(lab.number):
            return lab
    raise UsageError(
        f"there is no lab '{text}': it is one of {', '.join(str(lab.number) for lab in LABS)}"
    )


def stage_named(text: str | None) -> tuple[Lab, Stage]:
    """The stage with that id; raises UsageError if there is none."""
    if not text:
        raise UsageError("which stage? STAGE=1.4 names one, and 'make stages LAB=1' lists them")
    lab = lab_named(text.partition(".")[0])
    for stage in engine.stages_of(lab):
        if stage.id == text:
            return lab, stage
    raise UsageError(
        f"STAGE={text}: 'make stages LAB={lab.number}' lists those of lab {lab.number}"
    )


def writable(folder: Path) -> None:
    """Makes OUT; raises UsageError where nothing can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise UsageError(f"OUT={folder}: can't write there: {error.strerror}") from error


@contextmanager
def sandbox(settings: Settings) -> Iterator[tuple[Sandbox, str]]:
    """The sandbox of this run, and the compiler's version line."""
    compiler = build.compiler()
    writable(settings.out)
    isolation.raise_descriptor_limit()
    level = isolation.enter(settings.isolation)
    with runtime_folder() as folder:
        keeper = build.build_keeper(folder, settings.cache, compiler)
        made = Sandbox(level, folder, keeper)
        made.own(made.scratch)
        yield made, compiler


def builder_for(lab: Lab, settings: Settings, made: Sandbox, compiler: str) -> build.Builder:
    """A lab can borrow what it builds on, never itself."""
    return build.Builder(
        made,
        settings.work,
        (*lab.uses, lab.folder),
        settings.cache,
        compiler,
        tuple(folder for folder in settings.borrow if folder in lab.uses),
    )


def grade_lab(
    lab: Lab,
    settings: Settings,
    made: Sandbox,
    compiler: str,
    console: Console,
    debugger: Debugger | None = None,
) -> LabResult:
    """Runs one lab and shows it as it goes."""
    builder = builder_for(lab, settings, made, compiler)
    plan = engine.Plan(
        lab,
        settings.seed,
        settings.stage,
        settings.go_on,
        settings.repeat,
        debugger,
        settings.valgrind,
        settings.shared_deadline_s,
    )
    stages = engine.stages_of(lab)
    with (
        terminal.PlainReporter(stages, console)
        if debugger
        else terminal.reporter(stages, console) as reporter
    ):
        result = engine.run(plan, made, builder, settings.out / "traces", reporter)
    terminal.print_cards(console, result.stages)
    return result


def say_status(result: LabResult, only: str | None = None) -> int:
    """The exit status, with a line on stderr where the grader is at fault."""
    for stage in result.stages:
        if stage.verdict is Verdict.GRADER_ERROR:
            words = escape.one_line(stage.note, 300)
            print(f"GRADER-ERROR: stage {stage.id}: {words}", file=sys.stderr)
    return result.exit_status(only)


def command_lab(settings: Settings, console: Console, number: str) -> int:
    lab = lab_named(number)
    for folder in settings.borrow:
        if folder not in lab.uses:
            raise UsageError(f"BORROW: lab {number} does not build on {folder}")
    with sandbox(settings) as (made, compiler):
        result = grade_lab(lab, settings, made, compiler, console)
        write.write([result], settings.out)
        if settings.stage is None:  # one stage is no score
            terminal.print_summary(console, result, settings.out)
        return say_status(result, settings.stage)


def command_grade(settings: Settings, console: Console) -> int:
    results = []
    with sandbox(settings) as (made, compiler):
        for lab in LABS:
            console.print(f"Lab {lab.number}: {lab.title}", markup=False)
            results.append(grade_lab(lab, settings, made, compiler, console))
        write.write(results, settings.out, grade=True)
        terminal.print_grade(console, results, settings.out)
    return max(map(say_status, results))


def command_stages(settings: Settings, console: Console, number: str = "") -> int:
    for lab in [lab_named(number)] if number else LABS:
        console.print(f"Lab {lab.number}: {lab.title}", markup=False)
        for stage in engine.stages_of(lab):
            kind = "ext" if stage.extension else ""
            line = f"  {stage.id:<5} {kind:<3} {stage.points:>3}  {stage.title}  [{stage.see}]"
            console.print(line, markup=False, soft_wrap=True)
    return 0


def command_build(settings: Settings, console: Console, number: str) -> int:
    """Builds every program of the lab, says what the compiler said, and describes the build to
    editors.
    """
    lab = lab_named(number)
    failed, said = 0, set()
    with sandbox(settings) as (made, compiler):
        builder = builder_for(lab, settings, made, compiler)
        for program in builder.programs(lab.folder):
            try:
                builder.built(program, "judge")
                verdict, words = "built", builder.warnings(program, "judge")
            except StageFailure as failure:
                failed += 1
                verdict, words = "does not compile", failure.output
            console.print(f"{program}: {verdict}", markup=False)
            if words and words not in said:  # a module's error concerns all programs
                console.print(words, markup=False, soft_wrap=True)
            said.add(words)
        builder.write_compile_commands(ROOT / "compile_commands.json")
    return 1 if failed else 0


def command_run(settings: Settings, console: Console, number: str) -> int:
    """Runs a program in this terminal, without a sandbox, so that all others reach it; with FAULTS
    set, its fault build.
    """
    lab = lab_named(number)
    kind = "faults" if os.environ.get("FAULTS") else "judge"
    with sandbox(replace(settings, isolation=isolation.LIMITS)) as (made, compiler):
        builder = builder_for(lab, settings, made, compiler)
        known = builder.programs(lab.folder)
        program = os.environ.get("PROGRAM") or known[0]
        if program not in known:
            raise UsageError(f"PROGRAM={program}: lab {number} has {', '.join(known)}")
        try:
            builder.built(program, kind)
        except StageFailure as failure:
            console.print(failure.output, markup=False, soft_wrap=True)
            return 1
        path = builder.cached(program, kind)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    arguments = os.environ.get("ARGS", "")
    done = subprocess.run(["/bin/sh", "-c", f'exec "$0" {arguments}', str(path)])
    return 0 if done.returncode == -signal.SIGINT else done.returncode


def command_debug(settings: Settings, console: Console) -> int:
    """One stage with its program under gdb, without a deadline. Where a simulated server failed in
    it, that server alone.
    """
    lab, _ = stage_named(settings.stage)
    debugged = replace(settings, go_on=True, isolation=isolation.LIMITS)
    with sandbox(debugged) as (made, compiler):
        builder = builder_for(lab, debugged, made, compiler)
        if not replay.debug(lab, debugged, made, builder):
            grade_lab(lab, debugged, made, compiler, console, Debugger(settings.work))
    return 0


def command_hint(settings: Settings, console: Console) -> int:
    """A tier of the hint for what failed last in that stage; else of the stage's own."""
    lab, stage = stage_named(settings.stage)
    tier = os.environ.get("TIER") or "1"
    if tier not in ("1", "2", "3"):
        raise UsageError(f"TIER={tier}: 1 is a question, 2 the cause, 3 the remedy")
    diagnosis = ""
    try:
        last = LabResult.from_json(json.loads((settings.out / f"lab{lab.number}.json").read_text()))
        diagnosis = next(
            (s.failure.diagnosis_id for s in last.stages if s.id == stage.id and s.failure), ""
        )
    except (OSError, ValueError, KeyError, TypeError):
        pass
    terminal.print_hint(console, stage, hint_for(stage.id, diagnosis), int(tier))
    return 0


def command_replay(settings: Settings, console: Console) -> int:
    """Runs what a trace is of again, and shows all that was sent and seen then. Of simulated
    servers, says whether the same failure comes at the same event.
    """
    old = replay.read(os.environ.get("TRACE"))
    lab, stage = stage_named(old.head["stage"])
    then = old.settings(settings, stage)
    if not old.is_simulated:
        replay.show_events(old, console)
    with sandbox(then) as (made, compiler):
        if old.is_simulated:
            builder = builder_for(lab, then, made, compiler)
            return replay.again(old, lab, then, made, builder, console)
        grade_lab(lab, then, made, compiler, console)
    return 0


def command_doctor(settings: Settings, console: Console) -> int:
    return doctor.main(console)


def command_kit(settings: Settings, console: Console) -> int:
    text = os.environ.get("RELEASE", "")
    try:
        release = [int(word) for word in text.split(",") if word]
    except ValueError:
        raise UsageError(f"RELEASE={text}: numbers of labs, such as 1,2") from None
    writable(settings.out)
    console.print(
        str(kit.make_kit(settings.out, release)), markup=False, highlight=False, soft_wrap=True
    )
    return 0


def command_bench(settings: Settings, console: Console, number: str = "") -> int:
    """Measures a lab's programs, optimized and without sanitizers, beside peers. 1 where one of
    them does not compile or serve.
    """
    options = bench.options(os.environ.get("ARGS", ""))
    if number == "class":  # Dask's workers need a main module that they may import
        writable(settings.out)
        os.environ["OUT"] = str(settings.out)
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "grader.classroom.bench"])
    lab = lab_named(number)
    with sandbox(settings) as (made, compiler):
        plain = engine.Plan(lab, settings.seed)
        builder = builder_for(lab, settings, made, compiler)
        with engine.bare_attempt(plain, made, builder) as attempt:
            try:
                rows = bench.measure(
                    lab.number, bench.Bench(attempt, console, settings.out, **options)
                )
            except StageFailure as failure:
                words = "\n".join(filter(None, (failure.summary, failure.output)))
                console.print(words, markup=False, soft_wrap=True)
                return 1
    bench.show(number, rows, settings.out, console)
    return 0


def command_explain(_: Settings, __: Console) -> int:
    """What bytes mean."""
    return explain.command_explain()


COMMANDS: dict[str, Callable[..., int]] = {
    name.removeprefix("command_"): function
    for name, function in list(globals().items())
    if name.startswith("command_")
}


def main() -> int:
    """Exit status 0, 1 where a main stage failed, 2 where the grader or its use is at fault, with
    one line on stderr.
    """
    console = Console(highlight=False, emoji=False)
    command, *arguments = sys.argv[1:] or [""]
    try:
        if command not in COMMANDS or len(arguments) > 1:
            raise UsageError(f"unknown command '{command}': see 'make help'")
        starters.install(ROOT)
        return COMMANDS[command](Settings.from_environment(), console, *arguments)
    except UsageError as error:
        print(f"error: {escape.visible(str(error))}", file=sys.stderr)
    except MachineError as error:
        print(f"GRADER-ERROR: {escape.one_line(str(error), 400)}", file=sys.stderr)
    except OSError as error:
        print(
            f"GRADER-ERROR: {error.strerror}: {escape.visible(str(error.filename or ''))}",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    except (
        Exception
    ) as error:  # a bug of the grader: the story goes to a file, the user gets a line
        print(
            f"GRADER-ERROR: {type(error).__name__}: {escape.one_line(str(error))}; {story(error)}",
            file=sys.stderr,
        )
    return 2
