"""The Makefile's variables, checked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.labs import LABS
from grader.labs.stage import VALGRIND
from grader.run.build import SOLUTIONS
from grader.run.isolation import LIMITS, NAMESPACES


@dataclass(frozen=True)
class Settings:
    """What a run is about. ``stage`` and ``isolation`` are None where they were not asked for;
    ``borrow`` has the folders of the labs whose modules come from the reference.
    """

    work: Path
    out: Path
    cache: Path  # of what was built
    seed: int
    stage: str | None
    go_on: bool
    repeat: bool
    isolation: str | None
    borrow: tuple[str, ...] = ()
    valgrind: bool = False
    shared_deadline_s: int = 0

    @staticmethod
    def from_environment() -> Settings:
        """Raises UsageError for a value that can't be meant."""
        work, out = Path(os.environ.get("WORK") or "labs"), Path(os.environ.get("OUT") or "out")
        if not work.is_dir():
            raise UsageError(f"WORK={work}: there is no such folder")
        return Settings(
            work=work.absolute(),
            out=out.absolute(),
            cache=Path(os.environ.get("CACHE") or out / "build").absolute(),
            seed=_seed(os.environ.get("SEED") or "1"),
            stage=os.environ.get("STAGE") or None,
            go_on=_switch("ALL", "0"),
            repeat=_switch("REPEAT", "1"),
            isolation=_isolation(os.environ.get("ISOLATION") or None),
            valgrind=_valgrind(),
            shared_deadline_s=_seconds("SHARED_DEADLINE"),
            borrow=folders(os.environ.get("BORROW", "")),
        )


def folders(numbers: str) -> tuple[str, ...]:
    """Of labs that the reference has here, from BORROW's value. Raises UsageError."""
    return tuple(map(_borrowed, filter(None, numbers.split(","))))


def _borrowed(number: str) -> str:
    """The folder of a lab that the reference has here."""
    for lab in LABS:
        if number == str(lab.number) and (SOLUTIONS / lab.folder).is_dir():
            return lab.folder
    raise UsageError(f"BORROW={number}: there is no reference of a lab {number!r} here")


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise UsageError(f"SEED={text}: a seed is a whole number from 0 on")
    return int(text)


def _seconds(name: str) -> int:
    value = os.environ.get(name) or "0"
    if not (value.isascii() and value.isdigit()) or len(value) > 6:
        raise UsageError(f"{name}={value}: it is a whole number of seconds, or 0 for none")
    return int(value)


def _switch(name: str, otherwise: str) -> bool:
    value = os.environ.get(name) or otherwise
    if value not in ("0", "1"):
        raise UsageError(f"{name}={value}: it is 0 or 1")
    return value == "1"


def _valgrind() -> bool:
    wanted = _switch("VALGRIND", "0")
    if wanted and not Path(VALGRIND[0]).exists():
        raise UsageError(f"VALGRIND=1: there is no {VALGRIND[0]} (see 'make doctor')")
    return wanted


def _isolation(level: str | None) -> str | None:
    if level not in (None, NAMESPACES, LIMITS):
        raise UsageError(f"ISOLATION={level}: it is {NAMESPACES} or {LIMITS}")
    return level
