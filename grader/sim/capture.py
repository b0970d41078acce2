"""A run as a capture file for Wireshark and tshark: the messages that arrived."""

from __future__ import annotations

from pathlib import Path

from grader.sim.cluster import RECEIVE, START, TELL
from grader.sim.run import Run
from grader.sim.server import SEND
from grader.wire import pcap
from grader.wire.pcap import Sent, node


def write(path: Path, run: Run) -> None:
    """Each message that was received, as often as it was, at the time when it was sent: in that
    order. One to a server that never runs counts: the grader plays it. Server n is
    ``pcap.node(n)``, 0 one that is not known. docs/raft.lua decodes the file.
    """
    pcap.write(path, sent(run))


def sent(run: Run) -> list[Sent]:
    """The packets of a capture. Virtual time begins at 0; Wireshark shows it as 1970."""
    servers = range(1, run.config.servers + 1)
    played = {*servers} - {one[3] for one in run.inputs if one[1] == START}
    arrived: dict[tuple[int, int], int] = {}
    for _, kind, _, _, first, second in run.inputs:
        if kind == RECEIVE:
            arrived[first, second] = arrived.get((first, second), 0) + 1
    packets = []
    for place, (number, kind, at, server, first, second) in enumerate(run.inputs):
        if kind == TELL:
            sender = second if second in servers else 0
            packets.append(Sent(at / 1000, node(sender), node(server), first))
        effects = run.answers[place][0] if place < len(run.answers) else []
        messages = [effect for effect in effects if effect[0] == SEND]
        for which, (_, to, data) in enumerate(messages):
            times = 1 if to in played else arrived.get((number, which), 0)
            packets += [Sent(at / 1000, node(server), node(to), data)] * times
    return packets
