"""Running the grader from outside, as a user would, on trees made for the purpose."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader.labs import LABS
from grader.report.model import LabResult

ROOT = Path(__file__).resolve().parents[2]
SELFTEST = ROOT / "grader" / "selftest"
VARIANTS = SELFTEST / "variants"
BROKEN = SELFTEST / "broken"
HOSTILE = SELFTEST / "hostile"

# The environment's name of what all tests build into: what one compiled, no other does again.
SHARED_CACHE = "TESTS_CACHE"

# Far above what any run needs: a grader that takes longer is itself broken.
GRADER_SECONDS = 600


def require(tool: str, there: bool) -> None:
    """Skips the test where a tool is missing; fails it where the REQUIRE variable names that
    tool.
    """
    if there:
        return
    if tool in os.environ.get("REQUIRE", "").split(","):
        pytest.fail(f"REQUIRE={tool}, but it is not there")
    pytest.skip(f"{tool} is not there")


@dataclass(frozen=True)
class Run:
    """What a run of the grader left: its exit status, its words, and its result file if it wrote
    one.
    """

    status: int
    stdout: str
    stderr: str
    result: LabResult | None

    def verdicts(self) -> dict[str, str]:
        assert self.result is not None, self.stdout + self.stderr
        return {stage.id: str(stage.verdict) for stage in self.result.stages}


def grader_environment(out: Path, **variables: object) -> dict[str, str]:
    """The caller's environment with the Makefile's variables as given, and no others of them."""
    known = (
        "WORK",
        "SEED",
        "STAGE",
        "ALL",
        "BORROW",
        "ISOLATION",
        "REPEAT",
        "VALGRIND",
        "ARGS",
        "PROGRAM",
        "TIER",
        "TRACE",
        "RELEASE",
        "HEX",
        "FILE",
        "FORMAT",
        "MAKEFLAGS",
    )
    kept = {name: value for name, value in os.environ.items() if name not in known}
    return {
        **kept,
        "OUT": str(out),
        "CACHE": os.environ.get(SHARED_CACHE, ""),
        "COLUMNS": "120",
        **{name: str(value) for name, value in variables.items()},
    }


def grade(
    out: Path,
    *command: str,
    python: list[str] | None = None,
    root: Path = ROOT,
    **variables: object,
) -> Run:
    """Runs ``grader/__main__.py`` with the command (default: lab 1) and reads the lab's result from
    ``out``.
    """
    interpreter = python or [sys.executable]
    command = command or ("lab", "1")
    done = subprocess.run(
        [*interpreter, "-I", str(root / "grader" / "__main__.py"), *command],
        env=grader_environment(out, **variables),
        cwd=root,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=GRADER_SECONDS,
    )
    return Run(done.returncode, done.stdout, done.stderr, read_result(out, command[-1]))


def read_result(out: Path, lab: str) -> LabResult | None:
    try:
        return LabResult.from_json(json.loads((out / f"lab{lab}.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class Broken:
    """A correct program with one plausible bug, and where the bug must be caught."""

    id: str
    bug: str
    base: str
    stage: str
    verdicts: tuple[str, ...]
    diagnoses: tuple[str, ...]
    edits: tuple[dict[str, str], ...]

    @property
    def lab(self) -> str:
        return self.stage.partition(".")[0]

    def make(self, folder: Path) -> Path:
        """Writes the tree to ``folder``; an edit that does not fit exactly once is an error of
        ours.
        """
        if self.base == "solutions":
            shutil.copytree(ROOT / "solutions", folder)
        else:
            variant_tree(SELFTEST / self.base, folder)
        for edit in self.edits:
            path = folder / edit["file"]
            text = path.read_text(encoding="utf-8")
            count = text.count(edit["find"])
            assert count == 1, f"{self.id}: the text to find occurs {count} times in {edit['file']}"
            path.write_text(text.replace(edit["find"], edit["replace"]), encoding="utf-8")
            if edit.get("delete"):
                path.unlink()
        return folder


def broken_programs(lab: str = "*") -> list[Broken]:
    """All broken programs, of one lab or of all."""
    found = []
    for path in sorted(BROKEN.glob(f"lab{lab}/*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["program"]:
            found.append(_broken(entry))
    assert len({program.id for program in found}) == len(found), "two broken programs have one id"
    return found


def broken_sample() -> list[Broken]:
    """A twelfth of them, always the same: the tests have 20 minutes. ``make matrix`` runs all."""
    return [
        program
        for program in broken_programs()
        if hashlib.sha256(program.id.encode()).digest()[0] % 12 == 0
    ]


def _broken(entry: dict[str, Any]) -> Broken:
    return Broken(
        id=entry["id"],
        bug=entry["bug"],
        base=entry["base"],
        stage=entry["stage"],
        verdicts=_tuple(entry["verdict"]),
        diagnoses=_tuple(entry.get("diagnosis", [])),
        edits=tuple(entry["edit"]),
    )


def _tuple(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def missing(lab: str, work: Path) -> str:
    """BORROW for a tree: the earlier labs that this one uses, and that the tree lacks."""
    uses = next(known.uses for known in LABS if str(known.number) == lab)
    return ",".join(
        str(known.number)
        for known in LABS
        if known.folder in uses and not (work / known.folder).is_dir()
    )


def variant_tree(variant: Path, folder: Path) -> Path:
    """A whole tree in ``folder``: the variant, and what its reference.txt names of the files of the
    reference, and its starter.txt of those of the starter.
    """
    shutil.copytree(variant, folder)
    for source, known in (("reference.txt", "solutions"), ("starter.txt", "labs")):
        for names in folder.glob(f"lab*/{source}"):
            for name in names.read_text(encoding="utf-8").split():
                shutil.copy(ROOT / known / names.parent.name / name, names.parent / name)
    return folder


def variants() -> list[tuple[str, Path]]:
    """The correct programs that are not the reference: the number of the lab, and the tree."""
    return [
        (max(folder.name for folder in path.glob("lab*"))[3], path)
        for path in sorted(VARIANTS.iterdir())
        if path.is_dir()
    ]
