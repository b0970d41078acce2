"""Who runs the grader, and under which isolation."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.selftest.harness import ROOT, SHARED_CACHE, Run, grade, grader_environment, require

ORDINARY_UID = 64_321


def pytest_configure(config: pytest.Config) -> None:
    """The workers have the environment of the process that starts them."""
    if not hasattr(config, "workerinput"):
        os.environ[SHARED_CACHE] = tempfile.mkdtemp(prefix="echo-to-raft-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(SHARED_CACHE), ignore_errors=True)


@dataclass(frozen=True)
class Identity:
    """A user with a Python, a checkout and a folder that this user may use; ``level`` is the
    isolation asked for.
    """

    uid: int | None  # None: whoever runs the tests
    level: str
    python: str
    root: Path
    folder: Path

    def command(self) -> list[str]:
        if self.uid is None:
            return [self.python]
        return [
            "setpriv",
            f"--reuid={self.uid}",
            f"--regid={self.uid}",
            "--clear-groups",
            self.python,
        ]

    def variables(self) -> dict[str, object]:
        """This user keeps what it builds."""
        return {
            "ISOLATION": self.level,
            "HOME": self.folder,
            "TMPDIR": self.folder,
            "CACHE": self.folder / "cache",
        }

    def grade(self, **variables: object) -> Run:
        return grade(
            self.folder / "out",
            python=self.command(),
            root=self.root,
            **self.variables(),
            **variables,
        )

    def start(self, **variables: object) -> subprocess.Popen[str]:
        """The grader on lab 1, in the background."""
        return subprocess.Popen(
            [*self.command(), "-I", str(self.root / "grader" / "__main__.py"), "lab", "1"],
            env=grader_environment(self.folder / "out", **self.variables(), **variables),
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def leftovers(self, token: str) -> list[str]:
        """Processes that named themselves ``token``, and runtime folders of graders that are
        gone.
        """
        names = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                if (process / "comm").read_text().strip() == token:
                    names.append(str(process))
        return names + [str(path) for path in self.folder.glob("echo-to-raft-*")]


@pytest.fixture(scope="session")
def ordinary_python() -> Iterator[tuple[str, Path]]:
    """A Python with the student's packages, and a checkout, for a user who may not read those of
    root.
    """
    folder = Path(tempfile.mkdtemp(prefix="ordinary-"))
    folder.chmod(0o755)
    for name in ("grader", "labs", "solutions", "handouts"):
        shutil.copytree(
            ROOT / name, folder / "tree" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    subprocess.run(["chmod", "-R", "a+rX", str(folder / "tree")], check=True)
    yield _python_for_all(folder), folder / "tree"
    shutil.rmtree(folder)


def _python_for_all(folder: Path) -> str:
    candidates = [sys.executable]
    system = "/usr/bin/python3"
    made = subprocess.run(
        [system, "-m", "venv", "--without-pip", str(folder / "venv")], capture_output=True
    )
    if made.returncode == 0:
        packages = next((folder / "venv" / "lib").glob("python3*")) / "site-packages"
        if packages.parent.name == f"python3.{sys.version_info.minor}":
            shutil.copytree(sysconfig.get_path("purelib"), packages, dirs_exist_ok=True)
            candidates.append(str(folder / "venv" / "bin" / "python"))
    for python in candidates:
        words = [
            "setpriv",
            f"--reuid={ORDINARY_UID}",
            f"--regid={ORDINARY_UID}",
            "--clear-groups",
            python,
        ]
        try:
            done = subprocess.run(
                [*words, "-I", "-c", "import pytest, rich, jinja2"], capture_output=True, cwd="/"
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    require("ordinary-user", there=False)
    raise AssertionError


@pytest.fixture(params=["root", "ordinary"])
def user(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "root" and os.geteuid() != 0:
        pytest.skip("not run as root")
    return name


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that programs of another user may pass through; those of pytest are closed."""
    folder = Path(tempfile.mkdtemp(prefix="passable-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=["namespaces", "limits"])
def identity(request: pytest.FixtureRequest, user: str, passable: Path) -> Identity:
    """Root and an ordinary user, with and without namespaces."""
    if request.param == "namespaces":
        require("bwrap", shutil.which("bwrap") is not None)
    if user == "ordinary" and os.geteuid() == 0:
        python, root = request.getfixturevalue("ordinary_python")
        os.chown(passable, ORDINARY_UID, ORDINARY_UID)
        return Identity(ORDINARY_UID, request.param, python, root, passable)
    return Identity(None, request.param, sys.executable, ROOT, passable)
