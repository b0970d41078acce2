"""Grades a class; started again, goes on where it was.

A submission is done once its outcome is in OUT (see ``folder``), reached with the same files,
grader, compiler, isolation and seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from grader.classroom import dispatch, grading, intake, report
from grader.classroom.dispatch import Batch, Grade
from grader.classroom.folder import Folder
from grader.classroom.grading import Order
from grader.classroom.lateness import LateFile
from grader.classroom.model import Submission
from grader.classroom.options import Call, add_arguments, agreed
from grader.classroom.plan import Plan, State, make_plan
from grader.classroom.policy import Policy
from grader.classroom.progress import Progress, changes
from grader.labs import LABS, Lab

__all__ = ["Run", "add_arguments", "main"]

Take = Callable[[Path, Lab, str | None], Iterable[Submission]]


def main(arguments: argparse.Namespace) -> int:
    """Grades the class. The exit status is as ``--help`` says."""
    return Run(Call.of(arguments), Console(highlight=False, emoji=False)).all()


class Run:
    """One run. ``take`` and ``grade`` are those of intake and grading, or a test's own."""

    def __init__(
        self, call: Call, console: Console, take: Take = intake.take, grade: Grade = grading.grade
    ) -> None:
        self.call, self.console, self._take, self._grade = call, console, take, grade
        Policy.read(call.policy)  # what is wrong with a file is told before OUT is touched
        self._late = LateFile.read(call.late)

    def all(self) -> int:
        """From the first look to the exports. Returns the exit status."""
        with Folder.opened(self.call.out) as folder, ExitStack() as stack:
            policy = folder.policy(self.call.policy)
            settings = agreed(self.call, policy, folder.settings())
            order = self._order(settings["seed"], policy)
            client = None
            if self.call.scheduler:
                client = stack.enter_context(dispatch.existing_cluster(self.call.scheduler))
            common = dispatch.facts_of(client, order) if client else dispatch.facts(order)
            plan = make_plan(self._submissions(), folder, order, common)
            late = self._late.of(plan.students)
            keys = plan.to_grade(only_changed=self.call.only_changed, retry=self.call.retry)
            self._say_plan(plan, keys)
            folder.write_settings({**settings, "grader": common.grader, "students": [*plan.states]})
            folder.keep_policy(self.call.policy)
            folder.keep_lateness(late)
            if keys:
                client = client or stack.enter_context(dispatch.local_cluster(self.call.workers))
                batch = Batch(client, order, common, self._grade)
                if not self._grade_all(keys, folder, batch):
                    return 2
            if self.call.only_changed:
                self._say_changes(folder)
            return report.finish(folder, plan.states, policy, self.console)

    def _order(self, seed: int, policy: Policy) -> Order:
        return Order(
            self.call.lab,
            seed,
            self.call.seed_per_student,
            self.call.unsafe,
            hint_tier=policy.highest_tier,
        )

    def _submissions(self) -> Iterable[Submission]:
        lab = next(lab for lab in LABS if lab.number == self.call.lab)
        return self._take(self.call.submissions, lab, self.call.layout)

    def _grade_all(self, keys: set[str], folder: Folder, batch: Batch) -> bool:
        """Whether it came to its end, and was not interrupted."""
        if self.call.only_changed:
            folder.remember(keys)
        chosen = (one for one in self._submissions() if one.student.key in keys)
        shown = Progress(self.console, len(keys))
        try:
            with shown.shown():
                for outcome in batch.outcomes(chosen):
                    folder.store(outcome.entry, outcome.files)
                    shown.add(outcome.entry)
        except KeyboardInterrupt:
            words = f"interrupted: {shown.done} of {len(keys)} are graded; the same command goes on"
            self._say(words, "yellow")
            return False
        return True

    # --- what is said ---

    def _say(self, words: str, style: str = "") -> None:
        report.say(self.console, words, style)

    def _say_plan(self, plan: Plan, keys: set[str]) -> None:
        done = len(plan.states) - len(keys)
        todo = f"{len(keys)} to grade" if keys else "nothing to grade"
        noun = "submission" if len(plan.states) == 1 else "submissions"
        self._say(f"{len(plan.states)} {noun}: {done} done, {todo}")
        anew, other = plan.count(State.HANDED_IN_ANEW), plan.count(State.OTHER_GRADER)
        if (anew or other) and not self.call.only_changed:
            words = f"{anew} handed in anew since, {other} graded by another grader or compiler"
            self._say(
                f"changed: {words}; ONLY_CHANGED=1 (--only-changed) grades them again", "yellow"
            )
        if plan.vanished:
            names = ", ".join(plan.vanished)
            self._say(f"no longer there, and left out of the exports: {names}", "yellow")

    def _say_changes(self, folder: Folder) -> None:
        before = folder.remembered()
        after = {key: entry for key in before if (entry := folder.entry(key))}
        table = changes(before, after)
        if before:
            self._say(f"{len(before)} graded again, {table.row_count} with another outcome")
        if table.row_count:
            self.console.print(table)
        folder.forget()
