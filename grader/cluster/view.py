"""What a person sees of a cluster that runs: its nodes, its links, its ports."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from grader.cluster.nodes import LocalCluster, Status
from grader.sim.server import CANDIDATE, LEADER

_ROLES = ("follower", "candidate", "leader")
_COLOURS = {LEADER: "bold green", CANDIDATE: "yellow"}
KEYS = (
    "k1 kills node 1   p1 pauses it, or lets it go on   c1 cuts it off   h1 heals that   "
    "r1 starts it again   q ends it all"
)


def ports(cluster: LocalCluster) -> list[str]:
    """How other terminals reach it."""
    first, last = cluster.port(1), cluster.port(cluster.ids[-1])
    listed = ", ".join(f"node {id} at {cluster.port(id)}" for id in cluster.ids)
    return [
        f"clients: {listed}",
        f"in another terminal: redis-cli -p {first} SET greeting hello",
        f"+MOVED {cluster.ids[-1]} says: ask node {cluster.ids[-1]}, with redis-cli -p {last}",
        'make client ARGS="SET greeting hello" finds the leader by itself',
        "+TRYAGAIN: nobody leads just now; an end without a reply: the outcome is not known",
    ]


def draw(cluster: LocalCluster, said: Sequence[str], typed: str) -> Group:
    """All of it, as it is now."""
    parts: list[RenderableType] = [
        _nodes(cluster),
        _links(cluster),
        Panel(Text("\n".join(said)), title="what happened", title_align="left", border_style="dim"),
        Text("\n".join(ports(cluster))),
        Text(f"{KEYS}   {typed}", style="dim"),
    ]
    broken = cluster.observer.broken
    if broken:
        words = (
            f"{len(broken)} times a rule was broken; first '{broken[0].rule}': {broken[0].words}"
        )
        parts.insert(2, Text(words, style="bold red"))
    return Group(*parts)


def _nodes(cluster: LocalCluster) -> Table:
    table = Table(expand=True)
    for name in ("node", "port", "is", "role", "term", "leader", "last index", "commit index"):
        table.add_column(name, justify="right" if name.endswith(("index", "term")) else "left")
    for id in cluster.ids:
        seen, status = cluster.observer.recording.seen[id], cluster.status(id)
        is_there = status in (Status.RUNS, Status.CUT)
        style = _COLOURS.get(seen.role, "") if is_there else "dim"
        table.add_row(
            str(id),
            str(cluster.port(id)),
            status.value,
            _ROLES[seen.role] if is_there else "",
            str(seen.term),
            str(seen.leader or ""),
            str(seen.last_index),
            str(seen.commit),
            style=style if status is not Status.CUT else f"{style} on red".strip(),
        )
    return table


def _links(cluster: LocalCluster) -> Table:
    """From the node of a line to that of a column."""
    table = Table(title="messages and bytes a second", title_justify="left", expand=True)
    table.add_column("from")
    for id in cluster.ids:
        table.add_column(f"to node {id}", justify="right")
    for one in cluster.ids:
        row = [_rate(cluster, one, to) if one != to else "" for to in cluster.ids]
        table.add_row(f"node {one}", *row)
    return table


def _rate(cluster: LocalCluster, one: int, to: int) -> str:
    messages, size = cluster.observer.traffic[one, to].rates()
    shown = f"{messages:,.0f}, {_counted(size)}"
    return f"cut: {shown}" if (one, to) in cluster.wires.cuts else shown


def _counted(size: float) -> str:
    if size < 10_000:
        return f"{size:,.0f} B"
    return f"{size / 1000:,.0f} kB" if size < 10_000_000 else f"{size / 1e6:,.0f} MB"


class Watcher:
    """Tells what has changed since it was asked last, in lines."""

    def __init__(self, cluster: LocalCluster) -> None:
        self._cluster = cluster
        self._leader = (0, 0)
        self._broken = 0

    def news(self) -> list[str]:
        found = self._cluster.look_after()
        leader = self._cluster.observer.leader() or (0, 0)
        if leader != self._leader:
            self._leader = leader
            found.append(f"node {leader[1]} leads in term {leader[0]}")
        for broken in self._cluster.observer.broken[self._broken :][:3]:
            found.append(f"a rule is broken: {broken.rule}: {broken.words}")
        self._broken = len(self._cluster.observer.broken)
        return found
