"""From a failure to its card: what is known of the bytes, the programs and the events that led to
it.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from grader.labs import LABS
from grader.labs.hints import hint_for
from grader.labs.stage import Attempt
from grader.report import escape, transcript
from grader.report.model import ByteDiff, Failure
from grader.run.output import find_report
from grader.run.program import Program
from grader.sim import ladder, page, trace
from grader.sim.run import Run
from grader.verdicts import Diagnosis, Hang, StageFailure, Verdict
from grader.wire.diff import Difference, caption, hex_bytes, rows

_LARGEST_TRACE, _LARGEST_OF_A_PAGE = 32 << 20, 8 << 20  # bytes
_MOST_WORDS = 2000  # characters of what was seen, and of its cause
_STDERR_LINES = 12
_REPORT_LINES = 30


def found_at_the_end(attempt: Attempt) -> StageFailure | None:
    """A stage whose bytes were right still fails if a program of it crashed, or a sanitizer
    spoke.
    """
    for program in attempt.programs:
        verdict = program.verdict_of_ending()
        if verdict is not None:
            return StageFailure(
                f"{program.name}: every byte was right, but {_what_ended(program, verdict)}",
                verdict=verdict,
            )
    return None


def _what_ended(program: Program, verdict: Verdict) -> str:
    return (
        "a sanitizer found an error"
        if verdict is Verdict.SANITIZER
        else f"it was {program.ending()}"
    )


def sharpen(failure: StageFailure, attempt: Attempt) -> None:
    """A wrong byte or a closed connection may be a crash: looks whether a program ended, or
    reported an error, or goes round in a loop.
    """
    if failure.verdict is Verdict.BUILD or failure.run is not None:
        return
    with contextlib.suppress(StageFailure):
        if not isinstance(failure, Hang):
            attempt.world.observe(
                0.5, lambda: any(p.ended() or p.report() for p in attempt.programs)
            )
        for program in attempt.programs:
            if program.report():
                attempt.world.observe(5.0, partial(_reported, program))
    for program in attempt.programs:
        verdict = program.verdict_of_ending()
        if verdict is not None:
            failure.verdict = verdict
            failure.output = _head(program.report(), _REPORT_LINES)
            failure.diagnosis = Diagnosis(verdict.lower(), _crash(program, verdict))
            return
    failure.diagnosis = _of_the_process(failure, attempt) or failure.diagnosis


# What bytes say where the process may say more.
_BYTES_ALONE = {
    "", "closed-early", "reset-not-closed", "waits-for-more", "stops", "not-read", "not-accepted",
    "no-end-of-file", "no-datagram",
}  # fmt: skip


def _of_the_process(failure: StageFailure, attempt: Attempt) -> Diagnosis | None:
    """That a program ended by itself, or that it spins, is the better explanation."""
    if (failure.diagnosis.id if failure.diagnosis else "") not in _BYTES_ALONE:
        return None
    for program in attempt.programs:
        if program.ended_by_itself():
            return Diagnosis(
                "ended-early", f"{program.name} {program.ending()} in the middle of it"
            )
    if isinstance(failure, Hang):
        elapsed = attempt.world.elapsed()
        for program in attempt.programs:
            used = program.cpu_seconds()
            if used > max(1.0, elapsed / 4):
                return Diagnosis(
                    "spins",
                    f"{program.name} used {used:.0f} s of CPU in {elapsed:.0f} s: a loop goes "
                    "round without waiting for anything",
                )
    return None


def _reported(program: Program) -> bool:
    return program.ended() or b"SUMMARY:" in program.stderr.kept()


def _crash(program: Program, verdict: Verdict) -> str:
    if verdict is Verdict.SANITIZER:
        marks = ("ERROR: ", "runtime error: ", "WARNING: ")
        lines = program.report().splitlines()
        headline = next((line for line in lines if any(mark in line for mark in marks)), "")
        words = escape.one_line(re.sub(r"^=*\d*=+\s*", "", headline), 200)
        return f"{program.name} was stopped by a sanitizer: {words or 'see its report'}"
    return f"{program.name} was {program.ending()}"


def _head(text: str, lines: int) -> str:
    """The first ``lines`` lines: a report says what happened at its top."""
    rows = text.strip().splitlines()
    more = [f"… {len(rows) - lines} more lines"] if len(rows) > lines else []
    return "\n".join([*(escape.tail(row, 1) for row in rows[:lines]), *more])


def _cut(text: str) -> str:
    """What a program said may be in it, and may be of any length."""
    return text if len(text) <= _MOST_WORDS else f"{text[:_MOST_WORDS]}…"


def make(failure: StageFailure, attempt: Attempt, rule: str, traces: Path) -> Failure:
    """The card. Writes the whole transcript to a file in ``traces``."""
    failure.summary = _cut(failure.summary)
    if failure.diagnosis:
        failure.diagnosis = replace(failure.diagnosis, text=_cut(failure.diagnosis.text))
    stage = attempt.stage
    hint_id = failure.diagnosis.id if failure.diagnosis else failure.verdict.lower()
    return Failure(
        checks=rule,
        summary=failure.summary,
        see=stage.see,
        source=stage.source,
        transcript=[] if failure.run else transcript.last_lines(attempt.world.events),
        diff=_byte_diff(failure.difference) if failure.difference else None,
        diagnosis_id=failure.diagnosis.id if failure.diagnosis else "",
        diagnosis=failure.diagnosis.text if failure.diagnosis else "",
        process="" if failure.run else _cut("; ".join(p.state() for p in attempt.programs)),
        stderr=_printed(failure.run) if failure.run else _stderr(attempt.programs),
        output=failure.output,
        hint=hint_for(stage.id, hint_id).question,
        more_hints=f"make hint STAGE={stage.id} TIER=2",
        repeat=_command(attempt),
        **_record(attempt, failure, traces),
    )


def _record(attempt: Attempt, failure: StageFailure, traces: Path) -> dict[str, str]:
    """The files that hold what happened, and the drawing. A run of many MiB is replaced by the
    command that makes it again, and what is too much for a browser has no page.
    """
    traces.mkdir(parents=True, exist_ok=True)
    path = traces / f"lab{attempt.stage.lab}-{attempt.stage.id}.jsonl"
    if failure.run is None:
        write_trace(path, attempt, failure)
        path.with_suffix(".html").unlink(missing_ok=True)  # of another failure
        return {"trace": str(path)}
    head, shown = _head_of(attempt, failure), path.with_suffix(".html")
    trace.write(path, failure.run, **head)
    files = {"trace": str(path), "drawing": ladder.draw(failure.run)}
    size = path.stat().st_size
    if size > _LARGEST_TRACE:
        write_trace(path, attempt, failure)
    if not failure.run.family.has_page or size > _LARGEST_OF_A_PAGE:
        shown.unlink(missing_ok=True)
        return files
    page.write(shown, failure.run, **head)
    return files | {"page": str(shown)}


def _head_of(attempt: Attempt, failure: StageFailure) -> dict[str, object]:
    """What to run, and what came of it."""
    stage = attempt.stage
    return {
        "lab": stage.lab,
        "stage": stage.id,
        "seed": attempt.seed,
        "work": str(attempt.builder.work),
        "borrow": "".join(_borrowed(attempt)).removeprefix("BORROW="),
        "verdict": failure.verdict,
        "summary": failure.summary,
    }


def _printed(run: Run) -> str:
    """What the simulated servers printed: the one at fault, or all."""
    server = run.broken.server if run.broken else 0
    texts = [
        escape.visible(data)
        for number, data in sorted(run.printed.items())
        if server in (0, number) and not find_report(data)
    ]
    return escape.tail("\n".join(text.rstrip() for text in texts), _STDERR_LINES)


def _command(attempt: Attempt) -> str:
    words = ["make", f"lab{attempt.stage.lab}", f"STAGE={attempt.stage.id}", f"SEED={attempt.seed}"]
    if attempt.builder.work.name != "labs":
        words.append(f"WORK={attempt.builder.work}")
    return shlex.join([*words, *_borrowed(attempt)])


def _borrowed(attempt: Attempt) -> list[str]:
    """BORROW, as it was given."""
    numbers = [lab.number for lab in LABS if lab.folder in attempt.builder.borrowed]
    return [f"BORROW={','.join(map(str, numbers))}"] if numbers else []


def _stderr(programs: list[Program]) -> str:
    """The tail of what the programs said, without the sanitizer's report, which has its own
    place.
    """
    texts = []
    for program in programs:
        text = escape.visible(program.stderr.kept())
        report = program.report()
        texts.append(text.partition(report)[0].rstrip("=\n") if report else text)
    return escape.tail("\n".join(text.rstrip() for text in texts if text.strip()), _STDERR_LINES)


def _byte_diff(diff: Difference) -> ByteDiff:
    return ByteDiff(
        offset=diff.offset,
        start=diff.start,
        expected=hex_bytes(diff.expected),
        received=hex_bytes(diff.received),
        expected_size=diff.expected_size,
        received_size=diff.received_size,
        caption=caption(diff),
        rows=rows(diff),
    )


def write_trace(path: Path, attempt: Attempt, failure: StageFailure) -> None:
    """JSON Lines: what to run, then one event a line."""
    with path.open("w", encoding="utf-8") as file:
        print(json.dumps({"trace_version": 1, **_head_of(attempt, failure)}), file=file)
        for event in attempt.world.events:
            print(json.dumps({**asdict(event), "data": event.data.hex()}), file=file)
