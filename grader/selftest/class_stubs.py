"""A class whose grading costs nothing: what a submission's file says, becomes of it.

    python -m grader.selftest.class_stubs GRADE-OPTIONS

is ``python -m grader.classroom grade`` with such a grading.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import dask
from distributed import LocalCluster
from rich.console import Console

from grader.classroom import __main__ as commands
from grader.classroom import keeping, run
from grader.classroom.folder import Folder
from grader.classroom.model import Entry, Handed, Status, Student, Submission
from grader.classroom.options import Call
from grader.classroom.stamps import Order, stamp_of
from grader.labs import Lab
from grader.report.model import LabResult, StageResult
from grader.verdicts import Verdict

FILE = "lab4-message/message.c"


@dataclass
class Class:
    """A folder of submissions, and an OUT."""

    folder: Path

    def hand_in(self, **words: str) -> None:
        """What is to become of each student's submission (see ``grade``)."""
        (self.folder / "submissions").mkdir(exist_ok=True)
        for key, text in words.items():
            (self.folder / "submissions" / key).write_text(text)

    def entry(self, key: str) -> Entry:
        """The outcome, which must be there."""
        found = Folder(self.folder / "out").entry(key)
        assert found is not None
        return found


def submission(key: str, words: str, **handed: object) -> Submission:
    """What to do with it (see ``grade``), as a submission. One that is refused has no files."""
    files = {} if handed.get("refused") else {FILE: words.encode()}
    digest = hashlib.sha256(b"".join(files.values())).hexdigest()
    given = replace(Handed(key, "stub", digest), **handed)  # type: ignore[arg-type]
    return Submission(Student(key, key.title()), given, files)


def take(folder: Path, lab: Lab, layout: str | None) -> Iterator[Submission]:
    """A file a student: its name is the key, its text the words."""
    for path in sorted(folder.iterdir()):
        words = path.read_text()
        refused = words.partition("refuse ")[2]
        yield submission(path.name, words, refused=refused)


def grade(submission: Submission, order: Order, out: Path) -> Entry:
    """Obeys the submission's word: a number of points, ``raise``, ``block``, or ``kill`` (the
    worker). ``raise-once FILE`` and ``kill-once FILE`` do so unless FILE is there already.
    """
    word, _, marker = submission.files.get(FILE, b"").decode().partition(" ")
    if word == "block":
        threading.Event().wait()
    if _is_due(word, "raise", marker):
        raise RuntimeError("the grading broke")
    if _is_due(word, "kill", marker):
        os.kill(os.getpid(), signal.SIGKILL)
    entry = Entry(
        submission.student, submission.handed, stamp_of(submission, order), Status.REFUSED
    )
    if not submission.handed.refused:
        entry = replace(entry, status=Status.GRADED, result=result(word), seconds=1.0)
        (out / "traces").mkdir()
        (out / "traces" / "lab4-4.2.jsonl").write_text(f"trace of {submission.student.key}")
    keeping.write_entry(entry, out)
    return entry


def _is_due(word: str, deed: str, marker: str) -> bool:
    if word != f"{deed}-once":
        return word == deed
    done = Path(marker).exists()
    Path(marker).touch()
    return not done


def result(word: str) -> LabResult:
    """Two stages: the first has the points, where they are a number."""
    points = int(word) if word.isdigit() else 0
    first = Verdict.PASS if points else Verdict.WRONG
    stages = [
        StageResult("4.1", "first", first, points, 60, False),
        StageResult("4.2", "second", Verdict.HANG, 0, 40, False),
    ]
    return LabResult(4, "stub", 1, "limits", "", "", stages)


@contextmanager
def cluster() -> Iterator[LocalCluster]:
    """A scheduler whose one worker is a thread of this process."""
    with tempfile.TemporaryDirectory(prefix="echo-to-raft-tests-") as folder:
        with (
            dask.config.set(temporary_directory=folder),
            LocalCluster(
                n_workers=1,
                threads_per_worker=1,
                processes=False,
                protocol="tcp://",
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
            ) as made,
        ):
            yield made


def main() -> int:
    """As ``grader.classroom``, with the stubs."""
    run.main = _run
    return commands.main(["grade", *sys.argv[1:]])


def _run(arguments: argparse.Namespace) -> int:
    return run.Run(Call.of(arguments), Console(), take, grade).all()


if __name__ == "__main__":
    sys.exit(main())
