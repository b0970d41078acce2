"""What decides a result, as hashes and names: gradings with equal stamps give equal verdicts."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.classroom.model import Entry, Stamp, Submission
from grader.errors import UsageError
from grader.labs import LABS, Lab
from grader.run import build
from grader.run.isolation import LIMITS, NAMESPACES

ROOT = build.ROOT
_PARTS = ("grader", "labs/include", "labs/host", "labs/lab.mk", "solutions")
_OURS = ("grading.py", "stamps.py", "supervised.py", "supervisor.py", "warm.py")
_PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
from grader.run.isolation import why_not_namespaces
print(why_not_namespaces())
"""


@dataclass(frozen=True)
class Order:
    """How submissions are graded. ``go_on`` is ALL=1. ``hint_tier`` is the highest that reports
    show: 0 for none. After two stages that hung, the rest share ``shared_deadline_s`` seconds (0:
    they share nothing). A grading that takes longer than ``most_s`` is quarantined.
    """

    lab: int
    seed: int = 1
    seed_per_student: bool = False
    unsafe: bool = False
    go_on: bool = True
    hint_tier: int = 1
    shared_deadline_s: int = 30
    most_s: float = 3600.0

    def lab_known(self) -> Lab:
        """Raises UsageError for a lab that there is not."""
        for lab in LABS:
            if lab.number == self.lab:
                return lab
        raise UsageError(f"there is no lab {self.lab}: it is one of 1 to {len(LABS)}")

    def seed_of(self, key: str) -> int:
        """The class's seed, or one of the student's own that only the class's seed tells."""
        if not self.seed_per_student:
            return self.seed
        return int.from_bytes(hashlib.sha256(f"{self.seed}\0{key}".encode()).digest()[:7])


def stamp_of(submission: Submission, order: Order) -> Stamp:
    """What decides this submission's result. Raises UsageError as ``level_of`` does."""
    return Stamp(
        submission.handed.sha256,
        grader_sha256(),
        toolchain(),
        level_of(order),
        order.lab,
        order.seed_of(submission.student.key),
    )


def level_of(order: Order) -> str:
    """The isolation here. Raises UsageError where it is not enough for the code of strangers, and
    the order does not say that this is meant.
    """
    reason = _why_not_namespaces()
    if not reason:
        return NAMESPACES
    if not order.unsafe:
        raise UsageError(
            f"no isolation on this machine ({reason}): untrusted code would run as you. "
            "UNSAFE=1 (--unsafe) grades all the same"
        )
    return LIMITS


@functools.cache
def _why_not_namespaces() -> str:
    """Asked in a process of its own: to fork is not for a worker that has threads."""
    command = [sys.executable, "-I", "-c", _PROBE, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or ["the probe failed"])[-1]
    return done.stdout.strip()


@functools.cache
def toolchain() -> str:
    """Compiler, C library and Python. Raises UsageError without a compiler."""
    libc = os.confstr("CS_GNU_LIBC_VERSION") or "another libc"
    return f"{build.compiler()}; {libc}; Python {platform.python_version()}"


@functools.cache
def grader_sha256(root: Path = ROOT) -> str:
    """Of all files that decide a verdict: names and contents."""
    digest = hashlib.sha256()
    for path in _deciding_files(root):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _deciding_files(root: Path) -> Iterator[Path]:
    """Not the grader's own tests, nor what class mode makes of results."""
    for part in _PARTS:
        top = root / part
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            names = path.relative_to(root).parts
            if "__pycache__" in names or names[:2] == ("grader", "selftest"):
                continue
            if names[:2] == ("grader", "classroom") and names[2:] not in {(n,) for n in _OURS}:
                continue
            if path.is_file() and not path.is_symlink():
                yield path


def outcome_sha256(entry: Entry) -> str:
    """Equal for two entries whose stages have the same verdicts, points and diagnoses."""
    stages = entry.result.stages if entry.result else []
    digest = hashlib.sha256(entry.status.encode())
    for stage in stages:
        diagnosis = stage.failure.diagnosis_id if stage.failure else ""
        digest.update(f"\0{stage.id}\0{stage.verdict}\0{stage.points}\0{diagnosis}".encode())
    return digest.hexdigest()
