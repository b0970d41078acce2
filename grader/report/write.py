"""Writes the reports. Each file is the old one or the new one, never half of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from grader import SCHEMA_VERSION
from grader.report import html, junit
from grader.report.escape import visible
from grader.report.model import LabResult


def write(results: list[LabResult], out: Path, *, grade: bool = False) -> None:
    """Writes ``labN.json`` for each lab, one ``report.html`` and one ``junit.xml``; with ``grade``,
    ``grade.json`` too.

    Raises OSError where a file can't be written; those before it are then new, it and those after
    it as they were.
    """
    labs = [result.to_json() for result in results]
    files = {f"lab{lab['lab']}.json": json_text(lab) for lab in labs}
    if grade:
        files["grade.json"] = json_text(_grade(results, labs))
    files["report.html"] = html.render(results)
    files["junit.xml"] = junit.render(*results)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        replace_file(out / name, text.encode())


def _grade(results: list[LabResult], labs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "points": sum(result.points for result in results),
        "max_points": sum(result.max_points for result in results),
        "labs": labs,
    }


def json_text(data: dict[str, Any]) -> str:
    """As a file's text, in which all that it says is safe to show."""
    return json.dumps(_safe(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _safe(value: Any) -> Any:
    """The same without control characters or bytes that are not UTF-8 (a folder's name may have
    some).
    """
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_safe(item) for item in value]
    if isinstance(value, dict):
        return {key: _safe(item) for key, item in value.items()}
    return value


def replace_file(path: Path, data: bytes) -> None:
    """Writes the file: a reader finds the old one or the new one, whole. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
