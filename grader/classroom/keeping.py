"""What is kept of a grading: the report, the result, and the story of what broke the grader."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

from grader.classroom.model import Entry, Status, Submission
from grader.labs.hints import hint_for
from grader.report import escape, html
from grader.report.model import Failure, LabResult, StageResult
from grader.report.write import replace_file
from grader.run.files import regular_file

_MOST_TRACE, _MOST_TRACES = 1 << 20, 8 << 20  # bytes: of one, and of all of a student
_MOST_TOLD = 4 << 20  # of each file of a story


def prepare(out: Path) -> None:
    """Leaves nothing of an earlier grading: the entry goes first."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("entry.json", "report.html"):
        (out / name).unlink(missing_ok=True)
    for folder in (out / "traces", quarantine(out)):
        shutil.rmtree(folder, ignore_errors=True)


def quarantine(out: Path) -> Path:
    """Where the story of this student's submission is told."""
    return out.parent.parent / "quarantine" / out.name


def write_entry(entry: Entry, out: Path) -> None:
    """All or nothing: what has an entry is done."""
    text = json.dumps(entry.to_json(), indent=1, ensure_ascii=False) + "\n"
    replace_file(out / "entry.json", text.encode())


def without_folder(data: bytes, folder: Path) -> bytes:
    """The same with paths as they are in a student's tree and in the folder of the report."""
    return data.replace(f"{folder}/out/".encode(), b"").replace(f"{folder}/".encode(), b"")


def show_hints(result: LabResult, tier: int) -> None:
    """Gives each failure its hints up to that tier."""
    for stage in result.stages:
        if stage.failure is not None:
            stage.failure = _hinted(stage.failure, stage, tier)


def _hinted(failure: Failure, stage: StageResult, tier: int) -> Failure:
    known = hint_for(stage.id, failure.diagnosis_id or stage.verdict.lower())
    more = failure.more_hints if 0 < tier < len(known) else ""
    return replace(failure, hint="\n".join(known[:tier]), more_hints=more)


def keep(entry: Entry, submission: Submission, folder: Path, out: Path) -> None:
    """Writes the report, or the story, from what the grader left in ``folder``."""
    if entry.status is Status.QUARANTINED:
        _tell(entry, submission, folder, quarantine(out))
    elif entry.result is not None:
        _keep_traces(entry.result, folder, out)
        (out / "report.html").write_text(html.render([entry.result]), encoding="utf-8")


def _keep_traces(result: LabResult, folder: Path, out: Path) -> None:
    """Those that are small; a report names no file that is not there."""
    left = _MOST_TRACES
    for stage in result.stages:
        if stage.failure is None:
            continue
        kept = {}
        for name in filter(None, (stage.failure.trace, stage.failure.page)):
            data = regular_file(folder / "out" / name, _MOST_TRACE)
            if data is not None and len(data) <= min(_MOST_TRACE, left):
                left -= len(data)
                kept[name] = f"traces/{Path(name).name}"
                (out / "traces").mkdir(exist_ok=True)
                (out / kept[name]).write_bytes(without_folder(data, folder))
        trace, page = kept.get(stage.failure.trace, ""), kept.get(stage.failure.page, "")
        stage.failure = replace(stage.failure, trace=trace, page=page)


def _tell(entry: Entry, submission: Submission, folder: Path, place: Path) -> None:
    """All that a person needs who looks for the cause."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "story.txt").write_text(escape.visible(entry.story) + "\n", encoding="utf-8")
    (place / "submission.tar.gz").write_bytes(_tar(submission))
    errors = sorted((folder / "tmp").glob("grader-error-*.txt"))
    results = [folder / "out" / f"lab{entry.stamp.lab}.json"]
    for path in (folder / "stdout", folder / "stderr", *results, *errors):
        data = regular_file(path, _MOST_TOLD)
        if data is not None:
            name = path.name if path.suffix else f"{path.name}.txt"
            (place / name).write_bytes(data[:_MOST_TOLD])


def last_words(folder: Path) -> str:
    """What the grader said last on stderr, if anything."""
    lines = (regular_file(folder / "stderr", _MOST_TOLD) or b"").strip().splitlines()
    return f": {escape.one_line(lines[-1], 300)}" if lines else ""


def _tar(submission: Submission) -> bytes:
    """The files as they were taken."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in sorted(submission.files.items()):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()
