"""Paxos in the simulator: its messages, and clusters of the reference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.selftest.simulators import compiled, serving
from grader.sim import ladder, trace
from grader.sim.paxos.cluster import config
from grader.sim.paxos.messages import (
    ACCEPT,
    ACCEPTED,
    LAST_ROUND,
    NONE,
    PREPARE,
    PROMISE,
    REFUSED,
    Ballot,
    Malformed,
    PaxosMessage,
    decode,
    encode,
    reading,
)
from grader.sim.run import difference, draw, paxos, replay
from grader.sim.server import ForkingHost

MESSAGES = {
    PaxosMessage(PREPARE, Ballot(7, 2)): "0b000000 08000000 07000000 02000000",
    PaxosMessage(PROMISE, Ballot(7, 2)): "0c000000 10000000 07000000 02000000 00000000 00000000",
    PaxosMessage(PROMISE, Ballot(7, 2), Ballot(6, 3), b"x"): (
        "0c000000 11000000 07000000 02000000 06000000 03000000 78"
    ),
    PaxosMessage(ACCEPT, Ballot(7, 2), value=b"xy"): "0d000000 0a000000 07000000 02000000 7879",
    PaxosMessage(ACCEPTED, Ballot(LAST_ROUND, 64)): "0e000000 08000000 feffff7f 40000000",
    PaxosMessage(REFUSED, Ballot(7, 2), Ballot(7, 3)): (
        "0f000000 10000000 07000000 02000000 07000000 03000000"
    ),
}
WRONG = [
    PaxosMessage(PREPARE, Ballot(0, 2)),
    PaxosMessage(PREPARE, Ballot(LAST_ROUND + 1, 2)),
    PaxosMessage(PREPARE, Ballot(1, 65)),
    PaxosMessage(PREPARE, Ballot(1, 2), value=b"x"),
    PaxosMessage(PROMISE, Ballot(7, 2), NONE, b"x"),
    PaxosMessage(PROMISE, Ballot(7, 2), Ballot(7, 3), b"x"),
    PaxosMessage(REFUSED, Ballot(7, 2), Ballot(7, 2)),
    PaxosMessage(ACCEPT, Ballot(7, 2), value=bytes((1 << 20) + 1)),
]


@pytest.mark.parametrize("message", MESSAGES, ids=str)
def test_a_message_has_one_encoding(message: PaxosMessage) -> None:
    data = bytes.fromhex(MESSAGES[message])
    assert encode(message) == data
    assert decode(data) == message
    assert reading(data).items[0].size == len(data)
    for wrong in (data + b"x", data[:-1], data[:3], b"\x0a" + data[1:], b""):
        if wrong != data + b"x" or message.type in (PREPARE, REFUSED):
            with pytest.raises(Malformed):
                decode(wrong)
            assert reading(wrong).fault is not None


@pytest.mark.parametrize("message", WRONG, ids=lambda one: str(one)[:40])
def test_what_no_correct_server_says_is_malformed(message: PaxosMessage) -> None:
    with pytest.raises(Malformed):
        decode(encode(message))


# --- paxos_sim, with the reference ---

SOURCES = [
    *(f"solutions/lab6-replication/{name}.c" for name in ("paxos", "paxos_message")),
    *(f"labs/host/{name}.c" for name in ("paxos_sim", "sim", "jobs")),
]


@pytest.fixture(scope="module")
def paxos_sim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("sim") / "paxos_sim", SOURCES)


@pytest.fixture
def host(paxos_sim: Path) -> Iterator[ForkingHost]:
    with serving(paxos_sim, endings=(0,)) as host:
        yield host


@pytest.mark.parametrize("servers", [1, 2, 3, 5])
def test_the_reference_decides_and_is_deterministic(host: ForkingHost, servers: int) -> None:
    for number in range(5):
        run = draw(host, config(servers), (1, "6.22", number), 800, rules=paxos)
        assert run.broken is None
        again = draw(host, config(servers), (1, "6.22", number), 800, rules=paxos)
        assert difference(run, again) is None


def test_a_run_is_told_written_and_had_again(host: ForkingHost, tmp_path: Path) -> None:
    run = draw(host, config(3), (1, "6.22", 2), 800, rules=paxos)
    assert "decides" in ladder.draw(run)
    trace.write(tmp_path / "run.jsonl", run, seed=1)
    known = trace.read(tmp_path / "run.jsonl")
    assert known.recorded().answers == run.answers
    again = replay(host, known.config, known.inputs, rules=known.rules)
    assert known.again(again) is None
