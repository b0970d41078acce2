"""Steps of a story about one server, which may crash in each of them: nothing happens then to one
that does not run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from grader.labs.lab5.scene import CANDIDATE, Scene
from grader.wire.messages import Message, RequestVoteReply

Step: TypeAlias = Callable[[Scene], object]


def tells(sender: int, message: Message) -> Step:
    return lambda one: one.tell(sender, message) if one.runs else None


def stands(one: Scene) -> None:
    """Its election is due, once."""
    term = one.term if one.runs else 0
    latest = one.now + one.config.election_max
    while one.runs and one.term == term and one.deadline <= latest:
        one.now = max(one.now, one.deadline)
        one.tick()


def wins(one: Scene) -> None:
    for voter in one.others:
        if one.runs and one.role == CANDIDATE:
            one.tell(voter, RequestVoteReply(one.term, 1))


def settles(one: Scene) -> None:
    if one.runs:
        one.settle()


def revive(one: Scene) -> None:
    if not one.runs:
        one.now += 1
        one.start(seed=2)
