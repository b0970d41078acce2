"""Writes the exports of a graded class again, such as with another policy."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from grader.classroom import exports, lateness
from grader.classroom.exports import canvas
from grader.classroom.folder import QUARANTINE, Folder
from grader.classroom.lateness import LateFile
from grader.classroom.model import Entry, Status, Student
from grader.classroom.options import add_late
from grader.classroom.policy import Policy
from grader.errors import UsageError
from grader.report.escape import one_line, visible


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``report``."""
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of results")
    words = "points a stage, late days (default: the policy that was given last)"
    parser.add_argument("--policy", type=Path, metavar="FILE", help=words)
    add_late(parser)


def main(arguments: argparse.Namespace) -> int:
    """Grades nothing. The exit status is that of ``grade``."""
    Policy.read(arguments.policy)  # what is wrong with a file is told first
    late = LateFile.read(arguments.late)
    if not (arguments.out / "run.json").exists():
        raise UsageError(f"{arguments.out}: no class is graded there")
    with Folder.opened(arguments.out) as folder:
        settings = folder.settings() or {}
        policy = folder.policy(arguments.policy)
        if policy.highest_tier != settings.get("highest_tier"):
            words = f"was graded with highest_tier {settings.get('highest_tier')}"
            raise UsageError(f"OUT={arguments.out} {words}, and the reports hold those hints")
        told = late.of(_student(folder, key) for key in settings["students"])
        folder.keep_policy(arguments.policy)
        folder.keep_lateness(told)
        return finish(folder, settings["students"], policy, Console(highlight=False, emoji=False))


def _student(folder: Folder, key: str) -> Student:
    """As the class's export names one; of one who is not graded yet, the key is known."""
    entry = folder.entry(key)
    return entry.student if entry else Student(key, "")


def finish(folder: Folder, keys: Iterable[str], policy: Policy, console: Console) -> int:
    """Exports the outcomes of these students, as far as they have one, and sums up. Returns 1 if
    one of them is quarantined.
    """
    late = folder.lateness()
    entries = [lateness.applied(entry, late) for key in keys if (entry := folder.entry(key))]
    written = exports.write_all(folder.path, entries, policy)
    counts = (f"{sum(one.status is status for one in entries)} {status}" for status in Status)
    say(console, ", ".join(counts))
    quarantined = [entry for entry in entries if entry.status is Status.QUARANTINED]
    for entry in quarantined:
        say(console, f"  {_where(entry, folder)}", "bold red")
    names = ", ".join(sorted(path.name for path in written if path.parent == folder.path))
    say(console, f"written in {visible(str(folder.path))}: {names}, and a folder for each student")
    if folder.path / "canvas.csv" in written and (left := canvas.left_out(entries, policy)):
        keys = ", ".join(entry.student.key for entry in left)
        say(console, f"not in canvas.csv, since the export tells no id that Canvas knows: {keys}")
    return 1 if quarantined else 0


def _where(entry: Entry, folder: Folder) -> str:
    """The folder of its story, and the story's last line."""
    place = visible(str(folder.path / QUARANTINE / entry.student.key))
    last = entry.story.rstrip().rpartition("\n")[2]
    return f"{place}: {one_line(last, 100)}"


def say(console: Console, words: str, style: str = "") -> None:
    """A line, as long as it is; no markup."""
    console.print(Text(words, style=style), soft_wrap=True)
