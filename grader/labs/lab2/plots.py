"""The plots of lab 2's benchmark, as SVG: the same figures give the same bytes."""

from __future__ import annotations

import importlib
import importlib.util
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from grader.labs.lab2.bench_rows import ONE, Rounds, Setting
from grader.run.build import ROOT

FIGURES = ROOT / "handouts" / "figures"

# Colours that stay apart in print and for the colour-blind (Okabe and Ito), and a mark for each.
_STYLES = {
    "epoll": ("#0072b2", "o"),
    "select": ("#d55e00", "s"),
    "bare epoll": ("#5a6270", "^"),
    "libevent": ("#009e73", "D"),
    "libuv": ("#b0529b", "v"),
}
_SETTINGS = {
    "svg.hashsalt": "echo-to-raft",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Arial", "DejaVu Sans"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e6ea",
    "legend.frameon": False,
    "figure.facecolor": "#ffffff",  # a page in the dark shows it as a light card
}


Results = Mapping[Setting, Rounds]


@dataclass(frozen=True)
class Panel:
    """One set of axes: for each side, points (x, y)."""

    title: str
    across: str
    up: str
    lines: dict[str, list[tuple[float, float]]]
    log_up: bool = False


@dataclass(frozen=True)
class Figure:
    """A file: what it shows, for those who see it and for those who don't, and its panels."""

    name: str
    title: str
    desc: str
    panels: list[Panel]


def available() -> bool:
    return importlib.util.find_spec("matplotlib") is not None


def draw(echoes: Results, idle: Results, out: Path, *, handout: bool) -> list[Path]:
    """Writes the figures to ``out``, for the handout to its own folder too; returns the paths.
    None where matplotlib is missing.
    """
    written: list[Path] = []
    if not available():
        return written
    for figure in figures(echoes, idle):
        text = svg(figure)
        for folder in (out, FIGURES) if handout else (out,):
            path = folder / f"lab2-bench-{figure.name}.svg"
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written


def _best(rounds: Rounds, side: str, what: str) -> float:
    """Of the round that went fastest: what disturbs one makes it slower."""
    fastest = max((figures[side] for figures in rounds), key=lambda f: f.requests / f.seconds)
    value: float = getattr(fastest, what)
    return value


def _lines(
    results: Results, across: str, what: str, **chosen: object
) -> dict[str, list[tuple[float, float]]]:
    lines: dict[str, list[tuple[float, float]]] = {}
    for setting, rounds in results.items():
        if all(getattr(setting, name) == value for name, value in chosen.items()):
            for side in rounds[0]:
                point = float(getattr(setting, across)), _best(rounds, side, what)
                lines.setdefault(side, []).append(point)
    return lines


def figures(echoes: Results, idle: Results) -> Iterator[Figure]:
    """All figures of a run."""
    yield _throughput(echoes)
    yield _latency(echoes)
    yield _idle(idle)


def _throughput(echoes: Results) -> Figure:
    return Figure(
        "throughput",
        "Requests a second over the number of connections",
        "Two panels, for one request and for 16 requests on their way on each connection; server "
        f"and load generator share one core. {_in_words(echoes, 'requests_per_s', '')}",
        [
            Panel(
                f"depth {depth}",
                "connections",
                "thousand requests a second",
                _scaled(_lines(echoes, "connections", "requests_per_s", depth=depth, cores=ONE)),
            )
            for depth in sorted({setting.depth for setting in echoes})
        ],
    )


def _latency(echoes: Results) -> Figure:
    return Figure(
        "latency",
        "Latency over the number of connections",
        "Two panels with logarithmic axes: the median and the 99th percentile of the time from a "
        "request to its echo, with one request on its way on each connection; server and load "
        f"generator share one core. {_in_words(echoes, 'p50_us', ' us')}",
        [
            Panel(
                title,
                "connections",
                "microseconds",
                _lines(echoes, "connections", what, depth=1, cores=ONE),
                log_up=True,
            )
            for title, what in (("median", "p50_us"), ("99th percentile", "p99_us"))
        ],
    )


def _idle(idle: Results) -> Figure:
    return Figure(
        "idle",
        "select and epoll among idle connections",
        "Requests a second with 1 and with 100 active connections, over the number of idle "
        "connections beside them. select ends at about 1,000 descriptors, and each call looks at "
        "all of them; epoll goes on to 10,000 and hardly notices.",
        [
            Panel(
                f"{active} active",
                "idle connections",
                "thousand requests a second",
                _scaled(_lines(idle, "idle", "requests_per_s", connections=active)),
            )
            for active in sorted({setting.connections for setting in idle})
        ],
    )


def _scaled(
    lines: dict[str, list[tuple[float, float]]],
) -> dict[str, list[tuple[float, float]]]:
    return {side: [(x, y / 1000) for x, y in points] for side, points in lines.items()}


def _in_words(echoes: Results, what: str, unit: str) -> str:
    """The figures of all sides at depth 1, as a sentence."""
    said = []
    for side, points in _lines(echoes, "connections", what, depth=1, cores=ONE).items():
        values = ", ".join(f"{y:,.0f}{unit} at {x:,.0f}" for x, y in points)
        said.append(f"{side}: {values}")
    return f"At depth 1: {'; '.join(said)}."


def svg(figure: Figure) -> str:
    """The figure as one SVG document with title and description."""
    matplotlib = importlib.import_module("matplotlib")
    made = importlib.import_module("matplotlib.figure")
    with matplotlib.rc_context(_SETTINGS):
        drawing = made.Figure(figsize=(8.4, 3.7), layout="constrained")
        axes = drawing.subplots(1, len(figure.panels), squeeze=False)[0]
        for panel, place in zip(figure.panels, axes, strict=True):
            _draw_panel(place, panel)
        axes[0].set_ylabel(figure.panels[0].up)
        handles, names = axes[0].get_legend_handles_labels()
        drawing.legend(handles, names, loc="outside lower center", ncols=len(names))
        buffer = io.StringIO()
        drawing.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _described(buffer.getvalue(), figure)


def _draw_panel(axes: Any, panel: Panel) -> None:
    for side, points in panel.lines.items():
        colour, mark = _STYLES[side]
        across, up = zip(*points, strict=True)
        axes.plot(across, up, color=colour, marker=mark, markersize=4.5, label=side)
    ticks = sorted({x for points in panel.lines.values() for x, _ in points})
    axes.set_title(panel.title)
    axes.set_xlabel(panel.across)
    if 0 in ticks:
        axes.set_xscale("symlog", linthresh=max(ticks[1:2] or [1]))
    else:
        axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{x:,.0f}" for x in ticks])
    axes.minorticks_off()
    if panel.log_up:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)


def _described(text: str, figure: Figure) -> str:
    """Without XML's prologue, with title and description for readers of the screen."""
    body = text[text.index("<svg") :]
    head = (
        f'<title id="title">{escape(figure.title)}</title>\n'
        f' <desc id="desc">{escape(figure.desc)}</desc>\n'
    )
    body = re.sub(r" *<metadata>.*?</metadata>\n?", "", body, flags=re.DOTALL)
    return re.sub(
        r"<svg ([^>]*)>\n",
        lambda found: f'<svg {found[1]} role="img" aria-labelledby="title desc">\n {head}',
        body,
        count=1,
    )
