"""Student code is hostile code: whatever it does, the verdict is right, and nothing of it is left.

With HOSTILE=all in the environment, each program is run as root and as an ordinary user, at each
level that contains it, the slow ones too; else the quick ones, once each.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.run.isolation import NAMESPACES
from grader.selftest.conftest import Identity
from grader.selftest.harness import ROOT, SHARED_CACHE, require
from grader.selftest.hostile.table import Hostile, hostile_programs
from grader.selftest.hostile.trial import Trial

_ALL = os.environ.get("HOSTILE") == "all"
_FIRST_UID = 30_000  # a user of each worker's own, so that what a run leaves is known by it


def cases() -> list[tuple[Hostile, str, str]]:
    """The programs, each with a user and a level. Of the users that a program is quickly run as,
    they take turns.
    """
    found = []
    for number, program in enumerate(hostile_programs()):
        if _ALL:
            found += [(program, *one) for one in program.where]
        elif not program.slow:
            preferred = [one for one in program.where if one[1] == NAMESPACES] or program.where
            found.append((program, *preferred[number % len(preferred)]))
    return found


@pytest.fixture(scope="session")
def cache() -> Iterator[Path]:
    """What the programs of one worker have in common is compiled once for each user."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def identity(user: str, level: str, folder: Path, request: pytest.FixtureRequest) -> Identity:
    """As conftest's, with a user of this worker's own."""
    if user == "ordinary" and os.geteuid() == 0:
        uid = _FIRST_UID + os.getpid() % _FIRST_UID
        python, root = request.getfixturevalue("ordinary_python")
        os.chown(folder, uid, uid)
        return Identity(uid, level, python, root, folder)
    if user == "root" and os.geteuid() != 0:
        pytest.skip("not run as root")
    return Identity(None, level, sys.executable, ROOT, folder)


@pytest.mark.parametrize(
    ("program", "user", "level"),
    [pytest.param(*case, id="-".join((case[0].id, *case[1:]))) for case in cases()],
)
def test_a_hostile_submission_is_contained(
    program: Hostile,
    user: str,
    level: str,
    passable: Path,
    cache: Path,
    request: pytest.FixtureRequest,
) -> None:
    if level == NAMESPACES:
        require("bwrap", shutil.which("bwrap") is not None)
    who = identity(user, level, passable, request)
    trial = Trial(program, who, _cache_of(who, cache)).run()
    _note(trial, user, level)
    assert trial.problems == (), "\n".join(trial.problems)


def _cache_of(who: Identity, cache: Path) -> Path:
    """Root's is that of all tests."""
    if who.uid is None:
        return Path(os.environ[SHARED_CACHE])
    cache.joinpath("ordinary").mkdir(exist_ok=True)
    os.chown(cache / "ordinary", who.uid, who.uid)
    return cache / "ordinary"


def _note(trial: Trial, user: str, level: str) -> None:
    """For the table of ``python -m grader.selftest.hostile``."""
    if path := os.environ.get("HOSTILE_TABLE"):
        line = [
            trial.program.id,
            user,
            level,
            trial.verdict,
            trial.diagnosis,
            trial.seconds,
            trial.cpu,
        ]
        with Path(path).open("a") as file:
            print(json.dumps([*line, trial.problems]), file=file)
