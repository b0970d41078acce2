"""The node with threads, raft_pools, as clients and the other nodes see it: for stage 5.20."""

from __future__ import annotations

import re
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any

from grader.labs.server import Server
from grader.labs.stage import Attempt
from grader.run.client import Client
from grader.run.ports import free_port
from grader.run.random import Random
from grader.verdicts import Diagnosis, Hang, StageFailure, fail
from grader.wire import messages, resp
from grader.wire.messages import AppendEntries, AppendEntriesReply, RequestVote, RequestVoteReply

RAFT_BELOW = 1000
_DIAL_S = 10
QUIET = ("--election-timeout", "3600000-3600000")  # milliseconds: it stands in no election
MOVED, TRY_AGAIN, ERROR = b"+MOVED 2\r\n", b"+TRYAGAIN\r\n", b"-ERROR\r\n"
GET = resp.encode_request([b"GET", b"key"])
KIB = 1 << 10

REPLY_ORDER = Diagnosis(
    "reply-order",
    "what one connection sends is answered in its order: its jobs are of one lane, and done one "
    "after another",
)
WAITS_FOR_ANOTHER = Diagnosis(
    "waits-for-another", "a connection is slow, or asks for much, and another one waits for it"
)


class Cluster:
    """Three nodes, some of which the grader may be. Ids are in the order of ports."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt, self.world = attempt, attempt.world
        self.ports: list[int] = []
        for _ in range(3):
            taken = {port + away for port in self.ports for away in (-RAFT_BELOW, 0, RAFT_BELOW)}
            self.ports.append(free_port(frozenset(taken)))
        self.ports.sort()
        self.folder = Path(tempfile.mkdtemp(prefix="pools-", dir=attempt.sandbox.folder))
        self.folder.chmod(0o755)

    def start(self, id: int, *args: str, **more: Any) -> Server:
        """A raft_pools, or another ``program``; without a disk, unless ``writable`` is a folder."""
        own = self.ports[id - 1]
        ports = [own, *(port for port in self.ports if port != own)]
        config = self.folder / f"node-{id}"
        config.write_text("".join(f"follower_info 127.0.0.1:{port}\n" for port in ports))
        config.chmod(0o644)
        options = ["--config", self.attempt.sandbox.seen(config), "--data", f"raft-{own}"]
        if "writable" not in more:
            options.append("--no-fsync")
        program = more.pop("program", "raft_pools")
        started = {"build": "threads", "readable": self.folder, **more}
        name = f"{program} of node {id}"
        return Server(self.attempt, program, *options, *args, name=name, **started)

    def dial(self, id: int, name: str) -> Client:
        """A connection to the Raft port of that node."""
        try:
            made = socket.create_connection(("127.0.0.1", self.ports[id - 1] - RAFT_BELOW), _DIAL_S)
        except OSError as error:
            fail(
                f"{name} can't connect to the Raft port of node {id}: {error.strerror or error}",
                Diagnosis("refused", "a node listens on its Raft port before it says so"),
            )
        client = Client(self.world, made, name, peer=f"node {id}")
        self.attempt.clients.append(client)
        return client


def check(attempt: Attempt) -> None:
    """All of it."""
    cluster = Cluster(attempt)
    node = cluster.start(1, "--client-workers", "4", "--raft-workers", "4", *QUIET)
    leader = cluster.dial(1, "node 2")
    lead(leader, seq=1)
    messages_in_order(cluster, leader)
    replies_in_order(node, attempt.random("requests"))
    nobody_waits(cluster, node, leader)
    clients_that_leave(node)
    end(node)
    elections(Cluster(attempt))


# --- what is sent ---


def heartbeat(seq: int) -> bytes:
    return messages.encode(AppendEntries(1, 2, 0, 0, 0, seq, ()))


def lead(leader: Client, seq: int, count: int = 1) -> None:
    """Heartbeats of node 2 in term 1, and their replies, in order."""
    acks = range(seq, seq + count)
    leader.send(b"".join(map(heartbeat, acks)))
    replies = b"".join(messages.encode(AppendEntriesReply(1, 1, 0, 1, 0, ack)) for ack in acks)
    expect(leader, replies, "the replies to heartbeats", REPLY_ORDER)


def expect(client: Client, data: bytes, what: str, why: Diagnosis) -> None:
    """``why`` is the likely cause of other bytes."""
    try:
        client.expect(data, what)
    except StageFailure as failure:
        if not client.ended:
            failure.diagnosis = why
        raise


def requests(random: Random, count: int) -> tuple[bytes, bytes]:
    """Requests of several kinds, and the replies that they get in this order."""
    kinds = [
        (GET, MOVED),
        (resp.encode_request([b"set", b"key", b"two", b"words"]), MOVED),
        (resp.encode_request([b"nonsense"]), ERROR),
        (resp.encode_request([b"DEL"]), ERROR),
        (resp.encode_request([b"del", *[b"\r\n*1"] * 9]), MOVED),
        (b"*0\r\n", b""),
    ]
    large = resp.encode_request([b"SET", b"key", random.bytes(200 * KIB)]), MOVED
    chosen = [kinds[random.below(len(kinds))] for _ in range(2 * count)]
    chosen.insert(count, large)
    return b"".join(one[0] for one in chosen), b"".join(one[1] for one in chosen)


# --- what is checked ---


def messages_in_order(cluster: Cluster, leader: Client) -> None:
    """Two nodes send many messages at once, and each gets its replies in order."""
    other = cluster.dial(1, "node 3")
    other.send(messages.encode(RequestVote(1, 3, 0, 0)) * 300)
    lead(leader, seq=2, count=300)
    expect(other, messages.encode(RequestVoteReply(1, 1)) * 300, "the votes", REPLY_ORDER)


def replies_in_order(node: Server, random: Random) -> None:
    """Many clients send many requests at once, some cut in pieces; in the end some half-close, and
    some break the protocol.
    """
    clients = []
    for number in range(12):
        client = node.connect()
        data, replies = requests(random, 1500)
        clients.append((client, replies + (ERROR if number % 3 == 2 else b"")))
        cut = random.below(len(data)) if number % 2 else 0
        client.send(data[:cut])
        client.send(data[cut:] + (b"!\r\n" if number % 3 == 2 else b""))
        if number % 3 == 1:
            client.finish_sending()
    for number, (client, replies) in enumerate(clients):
        expect(client, replies, "the replies", REPLY_ORDER)
        if number % 3 > 0:
            client.expect_end()
        client.close()


def nobody_waits(cluster: Cluster, node: Server, leader: Client) -> None:
    """One client reads nothing, one sends half a request, a node floods and reads nothing."""
    greedy = node.connect(receive_buffer=4096)
    greedy.pause_reading()
    greedy.send(resp.encode_request([b"x"]) * (512 * KIB))
    half = node.connect()
    half.send(resp.encode_request([b"SET", b"key", bytes(KIB)])[:-KIB])
    flood = cluster.dial(1, "node 3")
    flood.pause_reading()
    flood.send(messages.encode(RequestVote(1, 3, 0, 0)) * 10_000)
    other = node.connect()
    for seq in range(1000, 1010):
        lead(leader, seq)
        other.send(GET)
        expect(other, MOVED, "the reply to another client", WAITS_FOR_ANOTHER)
    for client in (greedy, half, flood, other):
        client.reset()


def clients_that_leave(node: Server) -> None:
    """Their requests wait, or are at work; whoever comes next gets its own replies alone."""
    for _ in range(5):
        leavers = [node.connect() for _ in range(4)]
        for client in leavers:
            client.send(GET)
            client.expect(MOVED, "the reply to a client that leaves soon")
        node.program.stop()
        for client in leavers:
            client.send(resp.encode_request([b"x"]) * (8 * KIB))
            client.reset()
        heirs = [node.connect(wait=False) for _ in leavers]
        node.program.go_on()
        for client in heirs:
            client.send(GET)
            expect(
                client,
                MOVED,
                "the reply to a client that came when others left",
                Diagnosis(
                    "reply-of-another", "a job of a connection that is gone is answered to nobody"
                ),
            )
            client.finish_sending()
            client.expect_end()
            client.close()


def end(node: Server) -> None:
    """SIGTERM ends a node in order."""
    node.program.signal(signal.SIGTERM)
    try:
        status = node.program.wait_end()
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "does-not-end", "lanes_free waits for what is at work, and for nothing else"
        )
        raise
    if status != 0:
        fail(
            f"SIGTERM should end it with status 0, and {node.program.name} {node.program.ending()}"
        )


def elections(cluster: Cluster) -> None:
    """Three nodes elect a leader, and another one when that is gone."""
    nodes = {id: cluster.start(id, "--election-timeout", "300-600") for id in (1, 2, 3)}
    leader = agreed(nodes)
    nodes.pop(leader).program.kill()
    agreed(nodes, leader)
    for node in nodes.values():
        end(node)


def agreed(nodes: dict[int, Server], before: int = 0) -> int:
    """Waits until all but one redirect to that one, another than ``before``."""
    leaders: list[int] = []

    def is_agreed() -> bool:
        leaders[:] = [who_leads(node) for node in nodes.values()]
        others = [leader for leader in leaders if leader != 0]
        return len(others) == len(nodes) - 1 and len(set(others)) == 1 and others[0] != before

    try:
        nodes[min(nodes)].world.wait(is_agreed, "the nodes to agree on a leader", every=0.02)
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "no-leader", "ticks and messages are jobs of the Raft pool: each is done, and delivered"
        )
        raise
    return max(leaders)


def who_leads(node: Server) -> int:
    """Whom a client is redirected to, or 0."""
    client = node.connect()
    client.send(GET)
    line = client.take_line("the reply to GET")
    client.close()
    found = re.fullmatch(rb"\+MOVED (\d{1,9})", line)
    return int(found[1]) if found else 0
