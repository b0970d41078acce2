"""What of a class is done, and what is to be graded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from grader.classroom.folder import Folder
from grader.classroom.grading import Order
from grader.classroom.model import Entry, Stamp, Status, Student, Submission


class State(Enum):
    """How a submission stands to the outcome that is there."""

    NEW = auto()  # none, or one without a result and of something else
    DONE = auto()
    QUARANTINED = auto()  # by this grader on this machine: a person must look first
    HANDED_IN_ANEW = auto()
    OTHER_GRADER = auto()  # or another compiler, or isolation


CHANGED = (State.HANDED_IN_ANEW, State.OTHER_GRADER)


@dataclass
class Plan:
    """``states`` by key, in the order of the class, as ``students`` are; ``vanished`` are students
    with an outcome who are not in the class any more.
    """

    states: dict[str, State] = field(default_factory=dict)
    students: list[Student] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)

    def count(self, *states: State) -> int:
        """So many are in one of these states."""
        return sum(state in states for state in self.states.values())

    def to_grade(self, *, only_changed: bool, retry: bool) -> set[str]:
        """Keys. ``only_changed`` grades again what has changed, ``retry`` what is quarantined."""
        wanted = {State.NEW, *(CHANGED if only_changed else ())}
        if retry:
            wanted.add(State.QUARANTINED)
        return {key for key, state in self.states.items() if state in wanted}


def expected(submission: Submission, order: Order, common: Stamp) -> Stamp:
    """The stamp that its outcome must have; ``common`` is what holds for the whole class."""
    seed = order.seed_of(submission.student.key)
    return replace(common, submission=submission.handed.sha256, seed=seed)


def make_plan(
    submissions: Iterable[Submission], folder: Folder, order: Order, common: Stamp
) -> Plan:
    """Looks at all of them, one at a time. Where only the export's words about a submission are
    new, such as the time it was handed in, the outcome takes them over.
    """
    plan = Plan()
    for submission in submissions:
        key, entry = submission.student.key, folder.entry(submission.student.key)
        plan.states[key] = _state(submission, entry, expected(submission, order, common))
        plan.students.append(submission.student)
        if entry and plan.states[key] in (State.DONE, State.QUARANTINED):
            _renew(submission, entry, folder)
    plan.vanished = [key for key in folder.known() if key not in plan.states]
    return plan


def _state(submission: Submission, entry: Entry | None, stamp: Stamp) -> State:
    if entry is None:
        return State.NEW
    same = entry.stamp == stamp and entry.handed.refused == submission.handed.refused
    if entry.status is Status.QUARANTINED:
        return State.QUARANTINED if same else State.NEW
    if same:
        return State.DONE
    if entry.status is Status.REFUSED:
        return State.NEW
    anew = entry.stamp.submission != stamp.submission or submission.handed.refused
    return State.HANDED_IN_ANEW if anew else State.OTHER_GRADER


def _renew(submission: Submission, entry: Entry, folder: Folder) -> None:
    told = {name: getattr(submission.handed, name) for name in ("source", "layout", "at")}
    handed = replace(entry.handed, is_late=submission.handed.is_late, **told)
    renewed = replace(entry, student=submission.student, handed=handed)
    if renewed != entry:
        folder.rewrite(renewed)
