"""Autolab's autoresult: one line, the last that the autograder prints. Its problems are named after
the stages. https://docs.autolabproject.com/lab/

Autolab takes off late days itself. A stage that was not judged has no score, so Autolab leaves it
as it is; if none was, it says that there is no autoresult, and scores nothing.
"""

from __future__ import annotations

import json
from typing import Any

from grader.classroom.exports.result import number
from grader.classroom.exports.scored import scored
from grader.classroom.model import Entry, Status
from grader.classroom.policy import Policy, grade_of


def render(entry: Entry, policy: Policy, *, scoreboard: bool = False) -> str:
    """The line. With ``scoreboard``, the points of each main stage and their sum as well, for a
    scoreboard with just these columns.
    """
    quarantined = entry.status is Status.QUARANTINED
    stages = [] if quarantined else [s for s in scored(entry, policy) if s.worth]
    judged = {s.id: number(s.points) for s in stages if s.points is not None}
    data: dict[str, Any] = {"scores": judged}
    points = grade_of(entry, policy).points
    if scoreboard and points is not None:
        data["scoreboard"] = [*judged.values(), number(points)]
    return json.dumps(data) + "\n"
