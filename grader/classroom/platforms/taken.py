"""Takes in the one submission of a container, a folder in which the intake looks for the files."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from grader.classroom.intake import folders, labfiles, sha256_of
from grader.classroom.intake.harvest import Budget, Harvest, TooMuch
from grader.classroom.model import Handed, Student, Submission
from grader.labs import Lab


def take(
    folder: Path, lab: Lab, student: Student, platform: str, at: datetime | None
) -> Submission:
    """What lies in ``folder``: files, folders and archives. What can't be graded comes with
    ``handed.refused``. Raises OSError only for what is no fault of the student.
    """
    harvest = Harvest(Budget())
    top = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        folders.take(folder.name, top, "", harvest)
        found = labfiles.find(harvest, lab)
    except TooMuch as error:
        found = labfiles.LabFiles({}, refused=str(error))
    finally:
        os.close(top)
    handed = Handed(
        source=folder.name,
        layout=platform,
        sha256=sha256_of(found.files),
        at=at,
        missing=found.missing,
        extra=found.extra,
        notes=found.notes,
        refused=found.refused,
    )
    return Submission(student, handed, found.files)
