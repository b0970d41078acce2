"""``make cluster``: N= nodes of WORK (3, if nothing is said) on this machine, to be looked at.

Roles and terms are learnt from the bytes between the nodes, never from what they print. ARGS= are
more options for each node. Without a terminal it prints lines, and takes commands as lines. At its
end OUT has a page of the latest messages. Exit status 0; 1 where kvraft does not compile, 2 where
it can't run.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.live import Live

from grader import starters
from grader.cli import ROOT, builder_for, lab_named, sandbox
from grader.cluster import view
from grader.cluster.keys import Keys, key_by_key
from grader.cluster.nodes import LocalCluster
from grader.errors import MachineError, UsageError
from grader.labs.lab5.node import file_of
from grader.labs.lab6.played_nodes import PROGRAM
from grader.labs.stage import Attempt, Stage
from grader.report import escape
from grader.run import isolation
from grader.run.world import World
from grader.settings import Settings
from grader.sim import page, trace
from grader.verdicts import StageFailure

_MOST_NODES = 9  # ids of one digit
_SHOWN = 6  # lines of what happened
_EVERY_S = 0.2


def main() -> int:
    """Runs until q, the end of input, or a signal."""
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        starters.install(ROOT)
        settings = replace(Settings.from_environment(), isolation=isolation.LIMITS)
        count = nodes_wanted(os.environ.get("N", ""))
        with cluster_of(settings, count) as cluster:
            write_config(cluster, settings.out / "cluster")
            with suppress(KeyboardInterrupt):
                _show(cluster, console)
            _keep(cluster, settings.out, console)
        return 0
    except StageFailure as failure:
        console.print(failure.output or failure.summary, markup=False, soft_wrap=True)
        return 1
    except (UsageError, MachineError) as error:
        print(f"error: {escape.visible(str(error))}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    return 2


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def nodes_wanted(text: str) -> int:
    """As N= says. Raises UsageError."""
    if text and not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_NODES):
        raise UsageError(f"N={text}: a number of nodes, 1 to {_MOST_NODES}")
    return int(text or 3)


@contextmanager
def cluster_of(settings: Settings, count: int) -> Iterator[LocalCluster]:
    """Built and started. Raises StageFailure where it does not compile or start."""
    with sandbox(settings) as (made, compiler):
        lab = lab_named("6")
        builder = builder_for(lab, settings, made, compiler)
        builder.built(PROGRAM, "judge")
        stage = Stage(f"{lab.number}.0", "a cluster", 0, "")
        attempt = Attempt(stage, settings.seed, made, builder, World(None))
        options = shlex.split(os.environ.get("ARGS", ""))
        try:
            yield LocalCluster(attempt, count, options)
        finally:
            attempt.close()


def write_config(cluster: LocalCluster, folder: Path) -> None:
    """The nodes as clients find them, for ``make client``."""
    folder.mkdir(parents=True, exist_ok=True)
    first, *others = cluster.addresses()
    (folder / "1.config").write_bytes(file_of(first, others))


def _show(cluster: LocalCluster, console: Console) -> None:
    actions: dict[str, Callable[[int], str]] = {
        "k": cluster.kills,
        "p": cluster.pauses,
        "c": cluster.cuts,
        "h": cluster.heals,
        "r": cluster.restarts,
    }
    keys = Keys(cluster.world, "".join(actions), cluster.ids)
    watcher = view.Watcher(cluster)

    def turn() -> list[str]:
        cluster.world.observe(_EVERY_S, lambda: bool(keys.commands) or keys.quits)
        said = [actions[letter](id) for letter, id in keys.commands]
        keys.commands.clear()
        return said + watcher.news()

    try:
        if sys.stdin.isatty() and console.is_terminal:
            _live(cluster, console, keys, turn)
        else:
            _lines(cluster, keys, turn)
    finally:
        keys.close()


def _live(
    cluster: LocalCluster, console: Console, keys: Keys, turn: Callable[[], list[str]]
) -> None:
    said: deque[str] = deque(["the nodes were started"], maxlen=_SHOWN)
    with key_by_key(), Live(console=console, screen=True, auto_refresh=False) as live:
        while not keys.quits:
            said.extend(turn())
            live.update(view.draw(cluster, said, keys.typed), refresh=True)


def _lines(cluster: LocalCluster, keys: Keys, turn: Callable[[], list[str]]) -> None:
    for line in [*view.ports(cluster), view.KEYS]:
        print(line, flush=True)
    while not keys.quits:
        for line in turn():
            print(line, flush=True)


def _keep(cluster: LocalCluster, out: Path, console: Console) -> None:
    """The latest messages, to be stepped through."""
    observer = cluster.observer
    run = observer.recording.run(observer.broken[0] if observer.broken else None)
    if not run.inputs:
        return
    folder = out / "traces"
    folder.mkdir(parents=True, exist_ok=True)
    trace.write(folder / "cluster.jsonl", run)
    page.write(folder / "cluster.html", run)
    words = f"its latest messages, to step through: {folder / 'cluster.html'}"
    console.print(words, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
