"""Which files of the project a platform needs to grade one lab."""

from __future__ import annotations

import fnmatch
from pathlib import Path

from grader import packing
from grader.labs import Lab
from grader.packing import Member
from grader.tree import project_files

# The first match decides, as in the students' kit; what matches nothing stays out.
_STAYS_OUT = (
    "grader/selftest/*",
    "grader/fuzz/*",
    "grader/requirements/bench.*",
    "grader/requirements/book.*",
    "grader/requirements/class.*",
    "grader/requirements/dev.*",
)
_GOES_IN = (
    "LICENSE",
    "grader/*",
    "labs/include/*",
    "labs/host/*",
    "labs/lab.mk",
    "labs/lab*-*/*",
)


def of(lab: Lab, root: Path) -> dict[str, Member]:
    """The grader, the given files, the starters, and the reference of the labs that ``lab`` builds
    on, since a student may have handed in this lab alone. So what is made of them holds solutions
    of earlier labs and stays with the instructor. The lab's own reference is never in it.
    """
    return packing.read(root, (name for name in project_files(root) if _goes_in(name, lab)))


def _goes_in(name: str, lab: Lab) -> bool:
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in _STAYS_OUT):
        return False
    if any(name.startswith(f"solutions/{folder}/") for folder in lab.uses):
        return True
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _GOES_IN)
