"""Lab 6, the node over TCP: three real nodes, killed, stopped, cut off, and what they kept."""

from __future__ import annotations

from grader.labs.lab6.asking import does
from grader.labs.lab6.played_nodes import ABSENT, NOT_CLOSED, OK, wait_word
from grader.labs.lab6.store import QUICK, Store
from grader.labs.lab6.witness_disk import flushed_first
from grader.labs.stage import Attempt, stage
from grader.report import escape
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, fail
from grader.wire.resp import Reply, Simple, encode_reply, encode_request

_MANY, _LARGE = 50, 300_000  # writes, and bytes of one; a leader may send one a heartbeat
_GET_X = encode_request([b"GET", b"x"])
_STALE = Diagnosis("stale-read", "it led when the value was written, and another node leads by now")


@stage(
    "6.20",
    "A real cluster",
    points=4,
    see="lab6#real-cluster",
    source="Ongaro and Ousterhout, sections 5.3 and 8",
    seconds=90,
)
def test_real(attempt: Attempt) -> None:
    """What was acknowledged is there whatever was killed; a majority goes on without the others,
    and they catch up. Who led before and was stopped or cut off gives nobody an old value. No
    message and no reply leaves a node before what it promises is flushed.
    """
    store = Store(attempt, *QUICK)
    store.wait_leader(0, "of three nodes that were just started")
    the_leader_is_killed(store)
    all_are_killed(store)
    a_follower_catches_up(store)
    a_leader_is_stopped(store)
    a_leader_is_cut_off(store)
    flushed_first(attempt)


# --- what is asked ---


def expect(store: Store, words: list[bytes], reply: Reply, when: str, diagnosis: Diagnosis) -> None:
    came = does(store, [words], when)[0]
    if came != reply:
        fail(
            f"{escape.one_line(b' '.join(words), 40)} gets {_shown(came)} {when}; due is "
            f"{_shown(reply)}",
            diagnosis,
        )


def _shown(reply: Reply) -> str:
    return escape.one_line(encode_reply(reply), 60)


def sets(store: Store, key: bytes, value: bytes, when: str) -> None:
    expect(store, [b"SET", key, value], Simple(b"OK"), when, _RESULT)


_RESULT = Diagnosis("wrong-result", "the reply is what the store says when the entry is applied")
_LOST = Diagnosis("lost-write", "a write that was acknowledged has to outlive whatever is killed")


# --- killed ---


def the_leader_is_killed(store: Store) -> None:
    """Behind many writes; whoever leads then has them all."""
    keys = [b"k%d" % number for number in range(_MANY)]
    replies = does(store, [[b"SET", key, key, b"1"] for key in keys], "of three")
    if set(map(_shown, replies)) != {escape.one_line(OK)}:
        fail(f"{_MANY} SETs get {sorted(set(map(_shown, replies)))}", _RESULT)
    term, leader = store.wait_leader(0, "of three")
    store.kill(leader)
    store.wait_leader(term, f"after node {leader}, the leader, was killed")
    when = "after the leader was killed"
    for key, reply in zip(keys, does(store, [[b"GET", key] for key in keys], when), strict=True):
        if reply != [key, b"1"]:
            fail(f"GET {key.decode()} gets {_shown(reply)} {when}", _LOST)
    expect(store, [b"DEL", b"k0", b"k1", b"k1", b"none"], 2, when, _RESULT)
    store.start(leader)


def all_are_killed(store: Store) -> None:
    """Twice, with a write between."""
    for life in (b"1", b"2"):
        sets(store, b"life", life, "before all are killed")
        term = store.wait_leader(0, "of three")[0]
        for id in store.ids:
            store.kill(id)
        for id in store.ids:
            store.start(id)
        store.wait_leader(term, "when all were killed and are back")
        kept: dict[bytes, Reply] = {
            b"life": [life],
            b"k0": [b"nil"],
            b"k1": [b"nil"],
            b"k9": [b"k9", b"1"],
        }
        for key, reply in kept.items():
            expect(store, [b"GET", key], reply, "when all were killed and are back", _LOST)
    expect(store, [b"DEL", b"life", b"k0", b"k2"], 2, "when all are back", _LOST)


def a_follower_catches_up(store: Store) -> None:
    """With small entries and large ones; then it is one of the two that are left."""
    leader = store.wait_leader(0, "of three")[1]
    gone, other = (id for id in store.ids if id != leader)
    store.kill(gone)
    large = store.attempt.random("large").bytes(_LARGE)
    for number in range(2):
        sets(store, b"large", large + b"%d" % number, "while a follower is gone")
    does(store, [[b"SET", b"many", b"%d" % n] for n in range(_MANY)], "without a follower")
    store.start(gone)
    _catches_up(store, gone, "when it is back")
    store.kill(other)
    expect(store, [b"GET", b"large"], [large + b"1"], "from the two that are left", _LOST)
    expect(store, [b"GET", b"many"], [b"%d" % (_MANY - 1)], "from the two that are left", _LOST)
    store.start(other)
    _catches_up(store, other, "when it is back")


def _catches_up(store: Store, id: int, when: str) -> None:
    """It acknowledges all that is committed now, to the leader of now."""
    goal = store.log.commit
    try:
        store.world.wait(
            lambda: id == store.wait_leader(0, when)[1] or store.log.match(id) >= goal,
            f"node {id} to acknowledge all that is committed, {when}",
        )
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "does-not-catch-up", "a leader sends what is missing until it is acknowledged"
        )
        raise


# --- stopped, and cut off ---


def a_leader_is_stopped(store: Store) -> None:
    """It finds a question of before when it goes on, and does not know what happened meanwhile."""
    sets(store, b"x", b"old", "of three")
    term, leader = store.wait_leader(0, "of three")
    stopped = store.stop(leader)
    client = stopped.call("a client of the leader that is stopped")
    client.send(_GET_X)
    store.wait_leader(term, f"after node {leader}, the leader, was stopped")
    sets(store, b"x", b"new", "while the leader is stopped")
    store.go_on(leader, stopped)
    _expect_nothing_old(client, f"node {leader} was stopped when another node took its place")
    _catches_up(store, leader, "when it goes on")


def a_leader_is_cut_off(store: Store) -> None:
    """It leads on, and nobody follows. What it was asked is never done; then it follows."""
    sets(store, b"x", b"old", "of three")
    term, leader = store.wait_leader(0, "of three")
    client = store.nodes[leader].call("a client of the leader that is cut off")
    store.cut_off([leader])
    store.wait_leader(term, f"after node {leader}, the leader, was cut off")
    sets(store, b"x", b"new", "while the leader is cut off")
    client.send(_GET_X)
    writer = store.nodes[leader].call("another client of the leader that is cut off")
    writer.send(encode_request([b"SET", b"x", b"lost"]))
    _expect_nothing_old(client, f"node {leader} was cut off when another node took its place")
    said = wait_word(writer, "the end, or a word that it was not done,", NOT_CLOSED)
    if said.startswith(OK):
        fail(
            f"node {leader} is cut off from all others, and says OK to a SET",
            Diagnosis("ok-too-early", "a write is done when a majority has it, not before"),
        )
    store.heal(loses=True)
    sets(store, b"y", b"healed", "when all are connected again")
    _catches_up(store, leader, "when it is connected again")
    expect(store, [b"GET", b"x"], [b"new"], "when all are connected again", _LOST)


def _expect_nothing_old(client: Client, why: str) -> None:
    came = wait_word(client, "the end, a redirect, or the new value", NOT_CLOSED)
    if came.startswith((encode_reply([b"old"]), ABSENT)):
        fail(f"GET x gets {escape.one_line(came)}: {why}", _STALE)
    client.close()
