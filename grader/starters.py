"""The starter files: given to a student once, never written over, and known by their hashes.

``python -m grader.starters --write`` notes the hashes of the starters as they are now in
grader/labs/starters.json.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

from grader.tree import ROOT, project_files

# In a kit the starters lie here, so that unpacking a newer kit over an older one touches nothing of
# a student's.
FOLDER = "grader/starter"
HASHES = ROOT / "grader" / "labs" / "starters.json"


def is_kit(root: Path = ROOT) -> bool:
    """Whether this is a student's kit, and not the project's own tree."""
    return (root / FOLDER).exists()


def install(root: Path) -> list[str]:
    """Copies each starter that is not there yet to labs/. Returns the new files, as paths in
    ``root``.

    Does nothing in a checkout, which has no folder of starters. What exists is never written over,
    nor is a link.
    """
    source, made = root / FOLDER, []
    for path in sorted(source.rglob("*")):
        target = root / "labs" / path.relative_to(source)
        if path.is_symlink() or not path.is_file() or os.path.lexists(target):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(path, half)
        half.replace(target)
        made.append(target.relative_to(root).as_posix())
    return made


def known_hashes(root: Path = ROOT, file: Path = HASHES) -> dict[str, list[str]]:
    """SHA-256 of each starter by its path in labs/: of today's files, after those that ``file``
    lists already.
    """
    known: dict[str, list[str]] = json.loads(file.read_text()) if file.exists() else {}
    for name in project_files(root):
        path = _starter(name)
        if path:
            digest = hashlib.sha256((root / name).read_bytes()).hexdigest()
            known[path] = list(dict.fromkeys([*known.get(path, []), digest]))
    return dict(sorted(known.items()))


def _starter(name: str) -> str:
    """The path in labs/ of a starter's C file, or "" for any other file."""
    for folder in ("labs", FOLDER):
        if fnmatch.fnmatchcase(name, f"{folder}/lab*-*/*.[ch]"):
            return name.removeprefix(f"{folder}/")
    return ""


def main(arguments: list[str]) -> int:
    """Writes the hashes. Returns 2 for a wrong call."""
    if arguments != ["--write"]:
        print("usage: python -m grader.starters --write", file=sys.stderr)
        return 2
    HASHES.write_text(json.dumps(known_hashes(), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
