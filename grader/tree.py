"""Which files of this checkout, or of an unpacked archive of it, belong to the project."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from grader.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent

_CACHES = {
    "__pycache__",
    ".hypothesis",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".venv",
    ".git",
    "out",
}
_BACKUPS = ("~", ".swp", ".swo", ".orig", ".rej", ".bak", ".pyc")


def project_files(root: Path) -> list[str]:
    """All regular files, as sorted paths with slashes: those that git tracks in a checkout, else
    those that are there.

    Links, caches and editors' backups are left out. Raises UsageError for a checkout that git can't
    read.
    """
    names = _tracked(root) if (root / ".git").exists() else _present(root)
    return sorted(name for name in names if _belongs(root, name))


def _belongs(root: Path, name: str) -> bool:
    *folders, file = name.split("/")
    path = root / name
    links = any(
        (root / Path(*folders[:depth])).is_symlink() for depth in range(1, len(folders) + 1)
    )
    backup = file.endswith(_BACKUPS) or file.startswith((".#", "#"))
    return (
        not (backup or links or _CACHES.intersection(folders) or path.is_symlink())
        and path.is_file()
    )


def _present(root: Path) -> list[str]:
    found = []
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in _CACHES]
        found += [(Path(folder) / name).relative_to(root).as_posix() for name in files]
    return found


def _tracked(root: Path) -> list[str]:
    return [os.fsdecode(name) for name in _git(root, "ls-files", "-z").split(b"\0") if name]


def newest_commit_s(root: Path) -> int:
    """When the newest commit was made, in seconds since 1970; 0 where there is none."""
    if not (root / ".git").exists():
        return 0
    try:
        return int(_git(root, "log", "-1", "--format=%ct"))
    except (UsageError, ValueError):  # no commit yet
        return 0


def _git(root: Path, *arguments: str) -> bytes:
    """What git says of exactly this checkout, whatever the caller's environment names."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], check=False, capture_output=True, env=environment
        )
    except FileNotFoundError:
        raise UsageError(
            "this is a git checkout, and git is not on the PATH (see 'make doctor')"
        ) from None
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(f"git can't read this checkout: {words[0] if words else done.returncode}")
    return done.stdout
