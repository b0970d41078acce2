"""What differs between the protocols that are simulated: Raft, and single-decree Paxos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from grader.sim import words
from grader.sim.cluster import Cluster, Disk, Input
from grader.sim.invariants import RULES
from grader.sim.paxos import words as paxos_words
from grader.sim.paxos.checks import SOURCES
from grader.sim.paxos.cluster import PaxosCluster, PaxosSchedule
from grader.sim.schedule import Schedule
from grader.sim.server import Effect, State
from grader.wire.annotate import Reading


class Words(Protocol):
    """A module that names what happens. EFFECTS, STATE and ROLES are the names of a trace."""

    EFFECTS: tuple[str, ...]
    STATE: tuple[str, ...]
    ROLES: tuple[str, ...]
    LEGEND: str
    EXPECTED: str

    def reading(self, data: bytes) -> Reading: ...
    def name(self, data: bytes) -> str: ...
    def kind(self, data: bytes) -> str: ...
    def says(self, data: bytes) -> str: ...
    def life(self, state: State) -> str: ...
    def begins(self, kind: str, state: State) -> str: ...
    def of_state(self, state: State) -> str: ...
    def changes(self, server: int, before: State | None, state: State) -> list[tuple[str, str]]: ...
    def of_effect(self, effect: Effect, entries: int = 1) -> str: ...
    def runs(self, effects: Sequence[Effect]) -> list[list[Effect]]: ...
    def short(self, effect: Effect, entries: int = 1) -> str: ...
    def on_disk(self, disk: Disk) -> tuple[str, str]: ...
    def of_input(self, one: Input, disk: Disk) -> str: ...
    def of_saved(self, server: int, disk: Disk) -> str: ...
    def of_crash(self, done: int) -> str: ...
    def of_receipt(self, server: int, title: str, sender: int, again: bool) -> str: ...


@dataclass(frozen=True)
class Family:
    """``sources`` says where each rule is from; ``program`` forks the servers, "" is the program of
    the lab. The page is about elections, so not all have one.
    """

    cluster: type[Cluster]
    schedule: type[Schedule]
    words: Words
    sources: Mapping[str, str]
    program: str = ""
    has_page: bool = True


RAFT = Family(Cluster, Schedule, words, RULES)
PAXOS = Family(PaxosCluster, PaxosSchedule, paxos_words, SOURCES, "paxos_sim", has_page=False)
