"""The terminal: progress, failure cards, summary, hints. All of it also reads well without colours,
and in 80 columns.

Strings of the model become ``Text`` as they are: neither rich's markup nor its highlighting ever
looks at them.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.cells import chop_cells
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from grader.labs.hints import Hint
from grader.labs.stage import Stage
from grader.report.escape import visible
from grader.report.model import LabResult, StageResult
from grader.report.sections import (
    Kind,
    Section,
    cards,
    difference,
    has_card,
    points_of,
    sections,
    skipped_ranges,
    tally,
)
from grader.run.isolation import LIMITS
from grader.verdicts import Verdict
from grader.wire.diff import rows

_STYLES = {Verdict.PASS: "green", Verdict.SKIPPED: "dim", Verdict.GRADER_ERROR: "bold yellow"}
_FAILED = "bold red"
_LABEL = 15  # columns of the names of a card's parts
_INDENT = 2
_TITLE = 44  # columns for titles; a longer one moves what follows
_UNSTABLE = "unstable: it did not repeat"


def _style(verdict: Verdict) -> str:
    return _STYLES.get(verdict, _FAILED)


def _text(console: Console, words: str, style: str = "") -> Text:
    """Safe to print on this console: no control characters, nothing that its encoding lacks."""
    encoding = console.encoding
    safe = visible(words).expandtabs().encode(encoding, "backslashreplace").decode(encoding)
    return Text(safe, style=style)


def _line(console: Console, *parts: Text) -> None:
    """One line as it is, neither wrapped nor cut, whatever the width."""
    console.print(Text.assemble(*parts), soft_wrap=True)


class _Reporter:
    """What both reporters share: the results so far."""

    def __init__(self, stages: list[Stage], console: Console) -> None:
        self.stages, self.console = stages, console
        self.results: list[StageResult] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for skipped in skipped_ranges(self.results):
            _line(self.console, _text(self.console, str(skipped), "dim"))

    def begin(self, stage: Stage) -> None:
        """A stage starts to run."""

    def done(self, result: StageResult) -> None:
        """A stage has its verdict."""
        self.results.append(result)


class PlainReporter(_Reporter):
    """A line for each stage that ran, for logs and pipes."""

    def done(self, result: StageResult) -> None:
        super().done(result)
        if result.verdict is not Verdict.SKIPPED:
            _line(
                self.console,
                *_stage_line(
                    self.console, result, max((len(s.id) for s in self.stages), default=3)
                ),
            )


def _stage_line(console: Console, result: StageResult, id_width: int) -> list[Text]:
    return [
        _text(console, f"{result.id:<{id_width}}  "),
        _text(console, f"{result.verdict:<9}", _style(result.verdict)),
        _text(
            console,
            f"  {points_of(result):>5}  {result.title:<{_TITLE}}  {result.duration_s:6.2f} s",
        ),
        _text(console, f"  {_UNSTABLE}" if result.unstable else "", "yellow"),
    ]


class LiveReporter(_Reporter):
    """A table of the stages that renews itself, with a spinner on the running one.

    It draws from a thread: enter it after the isolation, which must come before any thread.
    """

    def __init__(self, stages: list[Stage], console: Console) -> None:
        super().__init__(stages, console)
        self._running: Stage | None = None
        self._spinner = Spinner("line" if console.options.ascii_only else "dots", style="cyan")
        self._live = Live(get_renderable=self._window, console=console, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running = None
        ran = [result for result in self.results if result.verdict is not Verdict.SKIPPED]
        self._live.get_renderable = lambda: self._table(ran, [])  # type: ignore[method-assign]
        self._live.stop()
        super().__exit__(kind, error, trace)

    def begin(self, stage: Stage) -> None:
        self._running = stage
        self._live.refresh()

    def done(self, result: StageResult) -> None:
        super().done(result)
        self._running = None
        self._live.refresh()

    def _window(self) -> Table:
        """As many stages as the terminal has lines for: it must not scroll while it is drawn
        over.
        """
        done = [result for result in self.results if result.verdict is not Verdict.SKIPPED]
        known = {result.id for result in self.results}
        waiting = [stage for stage in self.stages if stage.id not in known]
        lines = max(3, self.console.height - 2)
        kept = max(1, lines - len(waiting)) if len(done) + len(waiting) > lines else len(done)
        return self._table(done[-kept:] if done else [], waiting[: lines - min(kept, len(done))])

    def _table(self, done: list[StageResult], waiting: list[Stage]) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, min_width=9)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(ratio=1)  # the only one that gives way
        table.add_column(no_wrap=True, justify="right", min_width=8)
        for result in done:
            mark = _text(self.console, result.verdict, _style(result.verdict))
            time = f"{result.duration_s:.2f} s" + (" unstable" if result.unstable else "")
            self._row(table, result.id, mark, points_of(result), result.title, time)
        for stage in waiting:
            running = stage is self._running
            style = "" if running else "dim"
            state = self._spinner if running else _text(self.console, "")
            self._row(
                table,
                stage.id,
                state,
                f"/{stage.points}",
                stage.title,
                "running" if running else "",
                style,
            )
        return table

    def _row(
        self,
        table: Table,
        id: str,
        mark: Text | Spinner,
        points: str,
        title: str,
        time: str,
        style: str = "",
    ) -> None:
        cells = [_text(self.console, words) for words in (points, title, time)]
        cells[1].no_wrap, cells[1].overflow = True, "ellipsis"
        table.add_row(_text(self.console, id), mark, *cells, style=style)


def reporter(stages: list[Stage], console: Console) -> PlainReporter | LiveReporter:
    """The live table where the console can draw it, else plain lines."""
    live = console.is_terminal and not console.is_dumb_terminal
    return LiveReporter(stages, console) if live else PlainReporter(stages, console)


def print_cards(console: Console, stages: list[StageResult]) -> None:
    """All failure cards, one for stages that failed in the same words."""
    for card in cards(stages):
        print_card(console, card.shown)


def print_card(console: Console, stage: StageResult) -> None:
    """The failure card; nothing for a stage that has none."""
    if not has_card(stage):
        return
    console.print()
    rule = ("-" if console.options.ascii_only else "─") * min(console.width, 100)
    _line(console, _text(console, rule, "dim"))
    console.print(
        _text(console, f"{stage.verdict}  {stage.id}  {stage.title}", _style(stage.verdict))
    )
    if stage.unstable:
        console.print(_text(console, _UNSTABLE, "yellow"))
    console.print()
    for section in sections(stage):
        _print_section(console, section)


def card_text(stage: StageResult, width: int = 100) -> str:
    """The card as plain text."""
    file = io.StringIO()
    print_card(
        Console(file=file, width=width, color_system=None, force_terminal=False, _environ={}), stage
    )
    return (
        "\n".join(line.rstrip() for line in file.getvalue().strip("\n").split("\n"))
        if file.getvalue()
        else ""
    )


def _print_section(console: Console, section: Section) -> None:
    label = _text(console, " " * _INDENT + f"{section.title:<{_LABEL}} ", "bold")
    if section.kind is Kind.COMMAND:
        _line(console, label, _text(console, section.text))
        return
    if section.kind in (Kind.TEXT, Kind.BYTES):
        _print_hanging(console, label, section.text)
    else:
        label.rstrip()
        _line(console, label)
    if section.kind is Kind.BYTES:
        _print_bytes(console, section)
    elif section.kind is Kind.LOG:
        for event in section.text.split("\n"):
            _print_hanging(console, Text(" " * 2 * _INDENT), event, further=2)
        console.print()
    elif section.kind is Kind.DRAWING:
        for line in section.text.split("\n"):
            _line(console, _text(console, " " * _INDENT + line))
        console.print()
    elif section.kind is Kind.PROGRAM:
        _print_program(console, section.text)


def _print_hanging(console: Console, label: Text, words: str, further: int = 0) -> None:
    """The text beside its label, wrapped; later lines begin ``further`` columns to the right of the
    first.
    """
    indent = " " * (label.cell_len + further)
    width = max(20, console.width - len(indent) - 1)
    for number, line in enumerate(_text(console, words).wrap(console, width, overflow="fold")):
        line.rstrip()
        _line(console, label if number == 0 else Text(indent), line)


def _print_bytes(console: Console, section: Section) -> None:
    """Sixteen bytes a row, or eight where the terminal is too narrow for that; never wrapped."""
    assert section.diff is not None
    lines = section.diff.rows
    if max(map(len, lines)) + 2 * _INDENT > console.width:
        lines = rows(difference(section.diff), 8)
    for line in lines:
        style = "bold red" if line.strip() == "^^" else ""
        text = _text(console, " " * 2 * _INDENT + line, style)
        console.print(text, no_wrap=True, overflow="ellipsis", crop=True)
    console.print()


def _print_program(console: Console, words: str) -> None:
    """Behind a bar, each line and each further line of a long one, so that it can't pass for the
    grader's words.
    """
    bar = " " * 2 * _INDENT + ("| " if console.options.ascii_only else "│ ")
    for line in words.split("\n"):
        for piece in chop_cells(
            _text(console, line).plain, max(20, console.width - len(bar) - 1)
        ) or [""]:
            _line(console, _text(console, bar, "dim"), Text(piece.rstrip()))
    console.print()


def print_summary(console: Console, result: LabResult, out: Path) -> None:
    """Score, extensions, isolation, and where the reports are."""
    console.print()
    console.print(_text(console, f"Lab {result.lab}: {result.title}", "bold"))
    _print_score(console, result)
    _print_facts(console, [result], [f"lab{result.lab}.json", "junit.xml"], out)


def print_grade(console: Console, results: list[LabResult], out: Path) -> None:
    """Several labs: a line for each, the total, and once what holds for all of them."""
    console.print()
    for result in results:
        _fact(console, f"Lab {result.lab}", _score(result, main=True) + f"  {result.title}")
    total, most = (
        sum(result.points for result in results),
        sum(result.max_points for result in results),
    )
    _fact(console, "Score", f"{total} of {most} points", "bold")
    _print_facts(console, results, ["grade.json", "junit.xml"], out)


def _print_score(console: Console, result: LabResult) -> None:
    every_point = result.points == result.max_points
    _fact(console, "Score", _score(result, main=True), "bold green" if every_point else "bold")
    if result.max_extension_points:
        _fact(console, "Extensions", _score(result, main=False) + "; counted apart")


def _score(result: LabResult, main: bool) -> str:
    points = result.points if main else result.extension_points
    most = result.max_points if main else result.max_extension_points
    counts = tally([stage for stage in result.stages if stage.extension is not main])
    return f"{points} of {most} points ({counts})"


def _print_facts(
    console: Console, results: Iterable[LabResult], files: list[str], out: Path
) -> None:
    reasons = {result.isolation_reason for result in results if result.isolation == LIMITS}
    for reason in sorted(reasons):
        why = f" ({reason.rstrip('.')})" if reason else ""
        _fact(
            console,
            "Isolation",
            f"resource limits only{why}: that is fit for your own code, not for a stranger's.",
            "yellow",
        )
    if not reasons:
        _fact(console, "Isolation", "namespaces")
    _line(
        console, _text(console, f"{'Report':<12}", "bold"), _text(console, str(out / "report.html"))
    )
    _fact(console, "", f"and beside it {' and '.join(files)}")


def _fact(console: Console, name: str, words: str, style: str = "") -> None:
    label = _text(console, f"{name:<12}", "bold")
    width = max(20, console.width - label.cell_len - 1)
    for number, line in enumerate(_text(console, words, style).wrap(console, width)):
        line.rstrip()
        _line(console, label if number == 0 else Text(" " * label.cell_len), line)


def print_hint(console: Console, stage: Stage, hint: Hint, tier: int) -> None:
    """The hint's tiers up to ``tier`` (1 to 3), and the command for the next."""
    console.print(_text(console, f"{stage.id}  {stage.title}", "bold"))
    console.print()
    tiers = [("Question", hint.question), ("Cause", hint.cause), ("Remedy", hint.remedy)]
    shown = [(name, words) for name, words in tiers[:tier] if words]
    read = "; ".join(filter(None, [f"handout {stage.see}", stage.source]))
    for name, words in [*shown, ("Read", read)]:
        _print_section(console, Section(name, words))
    if tier < len(tiers):
        _print_section(
            console, Section("More", f"make hint STAGE={stage.id} TIER={tier + 1}", Kind.COMMAND)
        )
