"""Grades one submission: one grader process, on a private copy, under a supervisor."""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grader.classroom import keeping
from grader.classroom.model import Entry, Status, Submission
from grader.classroom.stamps import Order, stamp_of
from grader.classroom.supervised import Ending, Run, environment, supervised
from grader.classroom.warm import Warm
from grader.labs import LABS, Lab
from grader.report import escape
from grader.report.model import LabResult
from grader.run.build import ROOT, SOLUTIONS
from grader.run.files import regular_file
from grader.verdicts import Verdict

__all__ = ["Order", "grade", "stamp_of"]

_MOST_RESULT = 64 << 20
_WARM = Warm()


def grade(submission: Submission, order: Order, out: Path) -> Entry:
    """Grades it, and leaves ``report.html``, ``traces/`` and, last of all, ``entry.json`` in
    ``out``. What breaks the grader is quarantined: its story is in ``quarantine/`` beside
    ``students/``. Raises UsageError where this machine can't grade at all.
    """
    stamp = stamp_of(submission, order)
    entry = Entry(submission.student, submission.handed, stamp, Status.REFUSED)
    keeping.prepare(out)
    if not submission.handed.refused:
        with supervised() as (folder, run):
            _WARM.lend(stamp, folder)
            entry = _graded(entry, submission, order, folder, run)
            keeping.keep(entry, submission, folder, out)
    entry = replace(entry, graded_at=datetime.now(UTC))
    keeping.write_entry(entry, out)
    return entry


def _graded(entry: Entry, submission: Submission, order: Order, folder: Path, run: Run) -> Entry:
    """Runs the grader. A fault of ours is a story, too: the others are graded."""
    try:
        borrowed = _write(submission, order.lab_known(), folder / "labs")
        if borrowed:
            note = f"nothing of lab {', '.join(borrowed)}: the reference's was used"
            notes = (*entry.handed.notes, note)
            entry = replace(entry, handed=replace(entry.handed, notes=notes))
        ending = run(_job(entry, order, folder, borrowed))
        entry = replace(entry, seconds=ending.seconds, cpu_seconds=ending.cpu_seconds)
        result = _result(order, folder)
        if result is not None:
            keeping.show_hints(result, order.hint_tier)
        story = _why_quarantined(ending, result, order)
        if story and result is None:
            story += keeping.last_words(folder)
    except Exception:
        result, story = None, traceback.format_exc()
    if story or result is None:
        return replace(entry, status=Status.QUARANTINED, story=story)
    return replace(entry, status=Status.GRADED, result=result)


def _why_quarantined(ending: Ending, result: LabResult | None, order: Order) -> str:
    """ "" where the result can be scored."""
    if ending.timed_out:
        return f"the grading took longer than {order.most_s:g} s, and was ended"
    if result is None or not result.stages:
        return f"the grader ended with {ending.status}, and left no result that can be read"
    errors = [stage for stage in result.stages if stage.verdict is Verdict.GRADER_ERROR]
    if not errors and ending.status not in (0, 1):
        return f"the grader ended with {ending.status}"
    return "; ".join(f"stage {stage.id}: {escape.one_line(stage.note, 300)}" for stage in errors)


def _result(order: Order, folder: Path) -> LabResult | None:
    """From the grader's own file, without the names of folders that are soon gone."""
    data = regular_file(folder / "out" / f"lab{order.lab}.json", _MOST_RESULT)
    try:
        return LabResult.from_json(json.loads(keeping.without_folder(data or b"", folder)))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _write(submission: Submission, lab: Lab, labs: Path) -> list[str]:
    """Writes the files of the lab and of those that it builds on. Returns the numbers of those labs
    that come from the reference, since the submission has nothing of them.
    """
    borrowed = []
    for known in LABS:
        if known.folder not in (*lab.uses, lab.folder):
            continue
        names = [name for name in submission.files if name.startswith(f"{known.folder}/")]
        if not names and known is not lab and (SOLUTIONS / known.folder).is_dir():
            borrowed.append(str(known.number))
            continue
        (labs / known.folder).mkdir()
        for name in names:
            _write_file(labs / known.folder, name.removeprefix(f"{known.folder}/"), submission)
    return borrowed


def _write_file(folder: Path, name: str, submission: Submission) -> None:
    """The grader reads no deeper than a lab's folder, so nothing else is written."""
    if "/" not in name and name not in ("", ".", ".."):
        (folder / name).write_bytes(submission.files[f"{folder.name}/{name}"])


def _job(entry: Entry, order: Order, folder: Path, borrowed: list[str]) -> dict[str, Any]:
    """The supervisor's order."""
    variables = environment(
        folder,
        entry.stamp,
        SEED=str(entry.stamp.seed),
        ALL="1" if order.go_on else "0",
        BORROW=",".join(borrowed),
        SHARED_DEADLINE=str(order.shared_deadline_s),
    )
    command = [sys.executable, "-I", str(ROOT / "grader" / "__main__.py"), "lab", str(order.lab)]
    return {"command": command, "environment": variables, "seconds": order.most_s}
