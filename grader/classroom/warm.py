"""What all submissions of a class build alike is compiled once by each worker: the keeper, the
given programs, and the reference's modules, for those who lack a lab.

No student can put anything into what another gets:

- It is made from files of this checkout alone, in a folder of its own.
- Each grading has a copy in its private folder. What its grader adds stays there: nothing is copied
  back. Programs and compilers in the sandbox see neither.
- An object is taken only where its source, all that the compiler read for it, the compiler and the
  rules are the same, byte for byte (``objects.py``): a submission gets what it would have compiled.
- Objects are shared, not programs: each is linked for its own submission.

At level ``limits`` programs could write wherever their user can. There nothing is shared.
"""

from __future__ import annotations

import atexit
import shutil
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as a program: see main

from grader import cli
from grader.classroom.model import Stamp
from grader.classroom.supervised import environment, supervised
from grader.run.build import LABS as STARTERS
from grader.run.build import SOLUTIONS, build_recorder
from grader.run.isolation import NAMESPACES
from grader.settings import Settings
from grader.verdicts import StageFailure

_BUILDS = ("judge", "plain")  # those that most stages use
_MOST_S = 600
_SHARED = ("objects", "keeper", "recorder")


class Warm:
    """Of this process. Its folders live as long as it does, by a supervisor that goes with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept = ExitStack()
        self._asked: set[tuple[str, str, int]] = set()
        self._made: dict[tuple[str, str, int], Path] = {}
        atexit.register(self.close)

    def close(self) -> None:
        """Removes all of it."""
        self._kept.close()
        self._made.clear()

    def lend(self, stamp: Stamp, folder: Path) -> None:
        """Copies what is shared to the cache of the grading in ``folder``. A worker's first
        submission has nothing of it, since for that one alone it would not be worth making.
        """
        if stamp.isolation != NAMESPACES:
            return
        key = (stamp.grader, stamp.toolchain, stamp.lab)
        with self._lock:
            if key in self._asked and key not in self._made:
                self._made[key] = self._make(stamp)
            self._asked.add(key)
        if key in self._made:
            shutil.copytree(self._made[key], folder / "out" / "build")

    def _make(self, stamp: Stamp) -> Path:
        folder, run = self._kept.enter_context(supervised())
        tree = SOLUTIONS if SOLUTIONS.is_dir() else STARTERS
        variables = environment(folder, stamp) | {"WORK": str(tree)}
        command = [sys.executable, "-I", __file__, str(stamp.lab)]
        run({"command": command, "environment": variables, "seconds": _MOST_S})
        _take(folder / "out" / "build", folder / "shared")
        return folder / "shared"


def _take(cache: Path, shared: Path) -> None:
    """All but the linked programs; nothing where the grader could not even begin."""
    shared.mkdir()
    for place in cache.iterdir() if cache.is_dir() else ():
        if place.name in _SHARED or any((place / name).is_file() for name in _SHARED):
            place.rename(shared / place.name)


def main() -> None:
    """In a process of its own: compiles what there is for a lab."""
    settings = Settings.from_environment()
    lab = cli.lab_named(sys.argv[1])
    with cli.sandbox(settings) as (made, compiler):
        builder = cli.builder_for(lab, settings, made, compiler)
        build_recorder(made, settings.cache, compiler)
        for build in _BUILDS:
            for program in builder.programs(lab.folder):
                with suppress(StageFailure):  # a starter that lacks something
                    builder.built(program, build)


if __name__ == "__main__":
    main()
