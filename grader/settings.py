"""The Makefile's variables, checked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.run.isolation import LIMITS, NAMESPACES


@dataclass(frozen=True)
class Settings:
    """What a run is about. ``stage`` and ``isolation`` are None where they were not asked for."""

    work: Path
    out: Path
    seed: int
    stage: str | None
    go_on: bool
    repeat: bool
    isolation: str | None

    @staticmethod
    def from_environment() -> Settings:
        """Raises UsageError for a value that can't be meant."""
        borrow = os.environ.get("BORROW")
        if borrow:
            raise UsageError(f"BORROW={borrow}: no lab before this one could be borrowed")
        work, out = Path(os.environ.get("WORK") or "labs"), Path(os.environ.get("OUT") or "out")
        if not work.is_dir():
            raise UsageError(f"WORK={work}: there is no such folder")
        return Settings(
            work=work.absolute(),
            out=out.absolute(),
            seed=_seed(os.environ.get("SEED") or "1"),
            stage=os.environ.get("STAGE") or None,
            go_on=_switch("ALL", "0"),
            repeat=_switch("REPEAT", "1"),
            isolation=_isolation(os.environ.get("ISOLATION") or None),
        )


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise UsageError(f"SEED={text}: a seed is a whole number from 0 on")
    return int(text)


def _switch(name: str, otherwise: str) -> bool:
    value = os.environ.get(name) or otherwise
    if value not in ("0", "1"):
        raise UsageError(f"{name}={value}: it is 0 or 1")
    return value == "1"


def _isolation(level: str | None) -> str | None:
    if level not in (None, NAMESPACES, LIMITS):
        raise UsageError(f"ISOLATION={level}: it is {NAMESPACES} or {LIMITS}")
    return level
