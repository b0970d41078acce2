"""What a run shows: a line for each outcome, how far it is, and what has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import box, progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.classroom.model import Entry, Status
from grader.report.escape import one_line

_STYLES = {Status.GRADED: "", Status.REFUSED: "yellow", Status.QUARANTINED: "bold red"}
_MOST_STAGES = 8  # that a row names
_KEY = 24  # columns; a longer one moves what follows


def points(entry: Entry) -> str:
    """Such as ``85/100``, or what else became of it."""
    if entry.result is None:
        return str(entry.status)
    return f"{entry.result.points}/{entry.result.max_points}"


def span(seconds: float) -> str:
    """Rounded up, in words: 40 s, 9 min, 2 h 5 min."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = -int(-seconds // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


class Progress:
    """Where the console is a terminal, a bar below the lines."""

    def __init__(
        self, console: Console, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.done, self._graded, self._total = 0, 0, total
        self._clock, self._began = clock, clock()
        self._bar = progress.Progress(
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[pace]}"),
            console=console,
            disable=not console.is_terminal or console.is_dumb_terminal,
        )
        self._console = console
        self._task = self._bar.add_task("", total=total, pace="")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """It draws from a thread."""
        with self._bar:
            yield

    def pace(self) -> str:
        """The rate so far, and the time left if it stays; "" as long as all were refused, which
        takes no time.
        """
        if self._graded == 0:
            return ""
        seconds = max(self._clock() - self._began, 1e-9)
        rate, left = self._graded / seconds, self._total - self.done
        words = f"{rate * 3600:.0f} an hour"
        return f"{words}, {span(left / rate)} left" if left else words

    def add(self, entry: Entry) -> None:
        """One more is done."""
        self.done += 1
        self._graded += entry.status is not Status.REFUSED
        width = len(str(self._total))
        line = f"{self.done:>{width}}/{self._total}  {entry.student.key:<{_KEY}}"
        line += f"  {points(entry):>11}  {entry.seconds:6.1f} s"
        if entry.handed.refused:
            line += f"  {one_line(entry.handed.refused, 60)}"
        if self._bar.disable and self.pace():
            line += f"  ({self.pace()})"
        self._bar.update(self._task, completed=self.done, pace=self.pace())
        self._console.print(Text(line, style=_STYLES[entry.status]), soft_wrap=True)


def changes(before: dict[str, Entry], after: dict[str, Entry]) -> Table:
    """A row for each student whose outcome is another one now."""
    table = Table("student", "before", "after", "stages", box=box.SIMPLE)
    for key in sorted(before.keys() & after.keys()):
        stages = _changed_stages(before[key], after[key])
        if stages or points(before[key]) != points(after[key]):
            cells = (key, points(before[key]), points(after[key]), _few(stages))
            table.add_row(*map(Text, cells))
    return table


def _changed_stages(before: Entry, after: Entry) -> list[str]:
    old, new = (
        {stage.id: str(stage.verdict) for stage in (entry.result.stages if entry.result else [])}
        for entry in (before, after)
    )
    ids = [*new, *(id for id in old if id not in new)]
    pairs = ((id, old.get(id, "none"), new.get(id, "none")) for id in ids)
    return [f"{id} {was} → {now}" for id, was, now in pairs if was != now]


def _few(stages: list[str]) -> str:
    more = len(stages) - _MOST_STAGES
    return ", ".join(stages[:_MOST_STAGES]) + (f" and {more} more" if more > 0 else "")
