"""The graded stages, one folder a lab."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lab:
    """A lab: its number, its folder in a student's tree, and its title."""

    number: int
    folder: str
    title: str
    uses: tuple[str, ...] = ()  # the folders of the earlier labs whose modules it builds on


LABS = (
    Lab(1, "lab1-echo", "A TCP echo server"),
    Lab(2, "lab2-loop", "One event loop, two backends", uses=("lab1-echo",)),
    Lab(3, "lab3-resp", "A RESP parser, and a store behind it", uses=("lab1-echo", "lab2-loop")),
    Lab(4, "lab4-message", "Raft's messages, byte for byte", uses=("lab1-echo", "lab2-loop")),
    Lab(
        5,
        "lab5-election",
        "Elections",
        uses=("lab1-echo", "lab2-loop", "lab3-resp", "lab4-message"),
    ),
    Lab(
        6,
        "lab6-replication",
        "A replicated store",
        uses=("lab1-echo", "lab2-loop", "lab3-resp", "lab4-message", "lab5-election"),
    ),
)
