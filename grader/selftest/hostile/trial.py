"""Grades one hostile submission as one user, and says all that is wrong with what came of it."""

from __future__ import annotations

import os
import re
import resource
import secrets
import select
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from grader.report.model import LabResult, StageResult
from grader.run.isolation import FIRST_UID
from grader.run.orphans import kill_families
from grader.selftest.conftest import Identity
from grader.selftest.harness import GRADER_SECONDS, grader_environment, read_result
from grader.selftest.hostile import witness
from grader.selftest.hostile.table import REFUSED, Hostile

_OTHERS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PATIENCE_S = 20  # until the janitor has done its work


class _Host:
    """Servers of this machine that no submission may reach: a TCP port, and a UNIX socket with an
    abstract name.
    """

    def __init__(self) -> None:
        self.name = f"host-{secrets.token_hex(6)}"
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(f"\0{self.name}")
        self.unix.listen()

    def __enter__(self) -> _Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def called(self) -> list[str]:
        """Who did."""
        ready = select.select([self.tcp, self.unix], [], [], 0)[0]
        return [f"a connection from within to {one.getsockname()!r}" for one in ready]

    def close(self) -> None:
        self.tcp.close()
        self.unix.close()


@dataclass
class Trial:
    """A run of the grader on a hostile submission. ``problems`` is empty if it was contained."""

    program: Hostile
    identity: Identity
    cache: Path
    verdict: str = ""
    diagnosis: str = ""
    seconds: float = 0.0
    cpu: float = 0.0  # seconds, of all processes
    problems: tuple[str, ...] = ()

    def run(self) -> Trial:
        self._token = f"h{secrets.token_hex(6)}"
        self._secret = f"swordfish{secrets.token_hex(8)}"
        with _Host() as self._host:
            self._make_and_grade()
        return self

    def _make_and_grade(self) -> None:
        self._make()
        trees = [self.identity.root / name for name in ("grader", "labs", "solutions")]
        before = witness.snapshot(*trees)
        began, used = time.monotonic(), _used()
        self._grade()
        self.seconds, self.cpu = time.monotonic() - began, _used() - used
        self.problems = tuple(
            [*self._of_verdict(), *self._of_output(), *self._of_traces()]
            + [f"changed: {name}" for name in _changed(before, witness.snapshot(*trees))]
            + self._host.called()
        )

    @property
    def _out(self) -> Path:
        return self.identity.folder / "out"

    def _make(self) -> None:
        """The tree, and a secret file that only the grader's user may read."""
        folder = self.identity.folder
        canary = folder / "canary"
        canary.touch(0o600)
        canary.write_text(self._secret)
        if self.identity.uid is not None:
            os.chown(canary, self.identity.uid, self.identity.uid)
        words = {
            "TOKEN": self._token,
            "CANARY": str(canary),
            "OUT_FOLDER": str(self._out),
            "REPOSITORY": str(self.identity.root),
            "HOST_PORT": str(self._host.tcp.getsockname()[1]),
            "HOST_SOCKET": self._host.name,
        }
        self.program.make(folder / "work", words)

    def _grade(self) -> None:
        identity, program = self.identity, self.program
        variables = identity.variables() | {
            "WORK": identity.folder / "work",
            "STAGE": program.stage,
            "BORROW": program.borrow,
            "REPEAT": 0,
            "CACHE": self.cache,
            "SECRET_OF_THE_CALLER": self._secret,
        }
        command = ("lab", program.lab)
        grader = subprocess.Popen(
            [*identity.command(), "-I", str(identity.root / "grader/__main__.py"), *command],
            env=grader_environment(self._out, **variables),
            cwd=identity.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
        )
        self._pid = grader.pid
        try:
            self._stdout, self._stderr = grader.communicate(timeout=GRADER_SECONDS)
        except subprocess.TimeoutExpired:
            kill_families([grader.pid])  # those that come after it are not to suffer
            raise
        self._status = grader.returncode
        self._result = read_result(self._out, program.lab)

    # --- what is wrong ---

    def _of_verdict(self) -> list[str]:
        if self._result is None:
            self.verdict = REFUSED if self._status == 2 else f"status {self._status}"
            return [] if self.verdict in self.program.verdicts else [self._stdout + self._stderr]
        stage = _the_stage(self._result, self.program.stage)
        self.verdict = str(stage.verdict)
        problems = []
        if self.verdict not in self.program.verdicts:
            problems.append(f"verdict {self.verdict}: {stage.note}\n{self._stdout}")
        if self._status != (0 if self.verdict == "PASS" else 1):
            problems.append(f"status {self._status}: {self._stderr}")
        return problems + self._of_failure(stage)

    def _of_failure(self, stage: StageResult) -> list[str]:
        failure, known = stage.failure, self.program.diagnoses
        if failure is None:
            return []
        self.diagnosis = failure.diagnosis_id
        said = failure.stderr.splitlines()
        could = {line.removeprefix("could ") for line in said if line.startswith("could ")}
        breaches = {what for what in could if not what.startswith("not ")} - {*self.program.could}
        problems = [f"it could {what}" for what in sorted(breaches)]
        if known and failure.diagnosis_id not in known:
            problems.append(f"diagnosis {failure.diagnosis_id}: {failure.summary}\n{self._stdout}")
        missing = [text for text in self.program.shows if text not in self._stdout]
        problems += [f"the card does not show {text!r}:\n{self._stdout}" for text in missing]
        if "attempt(" in self.program.main + self.program.module and not could:
            problems.append(f"it tried nothing:\n{self._stdout}")
        return problems

    def _of_output(self) -> list[str]:
        """What every reader of the results takes for harmless."""
        problems = [
            f"a control character in the output: {found[0]!r}"
            for found in map(_OTHERS.search, (self._stdout, self._stderr))
            if found
        ]
        texts = {"stdout": self._stdout, "stderr": self._stderr}
        for path in self._out.rglob("*"):
            if path.is_file():
                texts[path.name] = path.read_text(encoding="utf-8")
        problems += [
            f"{hidden} is in {name}"
            for name, text in texts.items()
            for hidden in (self._secret, *self.program.hides)
            if hidden in text
        ]
        if "<script>alert" in texts.get("report.html", ""):
            problems.append("a script of the student's in report.html")
        if "junit.xml" in texts:
            ElementTree.fromstring(texts["junit.xml"])
        return problems

    def _of_traces(self) -> list[str]:
        folder = self.identity.folder
        marks = witness.Marks(self._uids(), self._token, folder, self._pid)
        expected = {"canary", "out", "work"}
        end = time.monotonic() + _PATIENCE_S
        while left := witness.traces(marks) | witness.strangers(folder, expected):
            if time.monotonic() > end:
                break
            select.select([], [], [], 0.02)
        left |= witness.unexpected_results(self._out, self.program.lab)
        return [f"left: {trace}" for trace in sorted(left)]

    def _uids(self) -> frozenset[int]:
        """That programs ran as, and nobody else at this time."""
        if self.identity.uid is not None:
            return frozenset([self.identity.uid])
        return frozenset([FIRST_UID + self._pid] if os.geteuid() == 0 else [])


def _used() -> float:
    """CPU seconds of what this process has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _the_stage(result: LabResult, id: str) -> StageResult:
    return next(stage for stage in result.stages if stage.id == id)


def _changed(
    before: dict[str, tuple[int, int, int]], after: dict[str, tuple[int, int, int]]
) -> list[str]:
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
