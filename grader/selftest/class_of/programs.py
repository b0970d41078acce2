"""What the students of a class hand in: correct work, work with one bug each, unfinished work, none
at all, and work that means harm. All of it comes from what the grader's other tests run.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import TypeVar

from grader.labs import LABS, Lab
from grader.run.isolation import NAMESPACES
from grader.selftest.class_of.archives import HARMS, HOLD_NOTHING, MARK, Files
from grader.selftest.class_of.expected import ANY_STAGE, GRADED, REFUSED
from grader.selftest.class_of.names import Person
from grader.selftest.harness import HOSTILE, ROOT, Broken, broken_programs, variant_tree, variants
from grader.selftest.hostile.table import REFUSED as NO_TREE
from grader.selftest.hostile.table import Hostile, hostile_programs
from grader.verdicts import Verdict

Program = TypeVar("Program", Broken, Hostile)


@dataclass(frozen=True)
class Work:
    """What one student hands in, by the path in the tree, and what must become of it: see
    ``Expected``. ``harm`` names what is done to the archive that it comes in.
    """

    kind: str
    program: str
    files: Files = field(repr=False)
    status: tuple[str, ...] = (GRADED,)
    stage: str = ""
    verdicts: tuple[str, ...] = ()
    harm: str = ""

    def alone(self, lab: Lab, reference: Files) -> Work:
        """Without the earlier labs, where they are the reference's: the grader has that."""
        earlier = {path for path in self.files if not path.startswith(f"{lab.folder}/")}
        changed = any(self.files[path] != reference.get(path) for path in earlier)
        if changed or len(earlier) == len(self.files):
            return self
        files = {path: data for path, data in self.files.items() if path not in earlier}
        return replace(self, files=files)

    def signed(self, person: Person) -> Work:
        """As that student's own: no two students hand in the same bytes, but for those who changed
        nothing.
        """
        if self.kind == "starter":
            return self
        line = f"/* {person.name}, {person.login}. */\n".encode()
        signed = {
            path: line + data if path.endswith(".c") else data for path, data in self.files.items()
        }
        return replace(self, files=signed)


BUILD = (str(Verdict.BUILD),)

# The shares of a class, in percent: what is left is broken.
SHARES = {"solution": 20, "variant": 16, "starter": 4, "empty": 4, "hostile": 6, "archive": 6}

# The file that the first stage needs, and a program that is the student's alone.
FIRST_NEEDS = {
    1: "echo_server.c",
    2: "loop.c",
    3: "resp.c",
    4: "message.c",
    5: "raft.c",
    6: "replication.c",
}


# Leaves a daemon, a file and shared memory behind, and ends.
STRAY = f"""
#include <fcntl.h>
#include <sys/shm.h>
#include <unistd.h>

int main(void)
{{
    open("/tmp/{MARK}", O_CREAT | O_WRONLY, 0600);
    open("/dev/shm/{MARK}", O_CREAT | O_WRONLY, 0600);
    shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (fork() == 0 && setsid() > 0 && fork() == 0)
        for (;;)
            pause();
    return 0;
}}
"""


def read_tree(folder: Path, labs: tuple[str, ...]) -> Files:
    """The sources of those labs."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for lab in labs
        for path in sorted((folder / lab).glob("*.[ch]"))
    }


@cache
def _first_failures() -> dict[str, str]:
    """Of each broken program, the stage that it fails first, as the kill matrix has it."""
    # A lab that the page does not have yet is believed.
    page = (ROOT / "docs" / "kill-matrix.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w-]+) \|.*\| \d\.\d+ \| (\d\.\d+) \|", page, re.MULTILINE)
    return dict(rows)


class Makers:
    """Makes the works of one lab, kind by kind."""

    def __init__(self, lab: Lab, random: Random) -> None:
        self.lab, self.salt = lab, random.random()
        self.folders = (*lab.uses, lab.folder)
        self.reference = read_tree(ROOT / "solutions", self.folders)

    def _mixed(self, known: list[Program]) -> list[Program]:
        """In no order, which a program more or less leaves as it is."""
        salted = {program.id: f"{self.salt} {program.id}".encode() for program in known}
        return sorted(known, key=lambda program: hashlib.sha256(salted[program.id]).digest())

    def _completed(self, files: Files) -> Files:
        """With the reference's folders for those labs that are not there."""
        there = {path.partition("/")[0] for path in files}
        rest = {p: d for p, d in self.reference.items() if p.partition("/")[0] not in there}
        return {**rest, **files}

    def solution(self) -> Iterator[Work]:
        yield Work("solution", "solutions", self.reference)

    def variant(self) -> Iterator[Work]:
        for lab, path in variants():
            if lab != str(self.lab.number):
                continue
            with tempfile.TemporaryDirectory() as folder:
                tree = variant_tree(path, Path(folder) / "tree")
                files = self._completed(read_tree(tree, self.folders))
            yield Work("variant", path.name, files)

    def broken(self) -> Iterator[Work]:
        """Those that are known to fail first in the stage meant for them."""
        first = _first_failures()
        known = [
            program
            for program in broken_programs(str(self.lab.number))
            if first.get(program.id, program.stage) == program.stage
        ]
        yield from self.unfinished()
        for program in self._mixed(known):
            with tempfile.TemporaryDirectory() as folder:
                tree = program.make(Path(folder) / "tree")
                files = self._completed(read_tree(tree, self.folders))
            work = Work("broken", program.id, files)
            yield replace(work, stage=program.stage, verdicts=program.verdicts)

    def unfinished(self) -> Iterator[Work]:
        """Does not compile; lacks a file that it needs."""
        path = f"{self.lab.folder}/{FIRST_NEEDS[self.lab.number]}"
        cut = {**self.reference, path: self.reference[path].rstrip().removesuffix(b"}")}
        without = {p: data for p, data in self.reference.items() if p != path}
        for program, files in (("does-not-compile", cut), ("lacks-a-file", without)):
            stage = f"{self.lab.number}.1"
            yield Work("broken", program, files, stage=stage, verdicts=BUILD)

    def starter(self) -> Iterator[Work]:
        files = self.reference | read_tree(ROOT / "labs", (self.lab.folder,))
        own = read_tree(ROOT / "labs", (self.lab.folder,))
        files = {p: d for p, d in files.items() if p in own or self.lab.folder not in p}
        stage = f"{self.lab.number}.1"
        yield Work("starter", "starter", files, stage=stage, verdicts=(str(Verdict.WRONG),))

    def empty(self) -> Iterator[Work]:
        """Nothing; words without work; another lab's work."""
        yield Work("empty", "nothing", {}, (REFUSED,))
        words = {"README.md": b"I was ill, may I hand in next week?\n"}
        yield Work("empty", "words", words, (REFUSED,))
        other = "lab2-loop" if self.lab.number == 1 else "lab1-echo"
        yield Work("empty", "another lab", read_tree(ROOT / "solutions", (other,)), (REFUSED,))

    def hostile(self) -> Iterator[Work]:
        """Those of this lab; then those of others that are a program of their own, in the place of
        this lab's. Where there are none, as in labs 5 and 6, a module that does not compile.
        """
        known = self._mixed(
            [
                program
                for program in hostile_programs()
                if not program.slow
                and NAMESPACES in program.levels
                and NO_TREE not in program.verdicts
            ]
        )
        for program in known:
            if program.lab == str(self.lab.number):
                yield self._hostile(program, program.stage, program.verdicts)
        for program in known:
            if program.main and program.lab == "1" and self.lab.number in (2, 3, 4):
                moved = replace(program, stage=f"{self.lab.number}.1")
                yield self._hostile(moved, ANY_STAGE, ())
        path = f"{self.lab.folder}/{FIRST_NEEDS[self.lab.number]}"
        spy = (HOSTILE / "no_compile.c").read_bytes()
        first = f"{self.lab.number}.1"
        yield Work("hostile", "no_compile", {**self.reference, path: spy}, (GRADED,), first, BUILD)

    def _hostile(self, program: Hostile, stage: str, verdicts: tuple[str, ...]) -> Work:
        words = {"TOKEN": MARK, "CANARY": "/etc/shadow", "OUT_FOLDER": "/", "REPOSITORY": str(ROOT)}
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "tree"
            program.make(tree, words)
            paths = [path.relative_to(tree) for path in sorted(tree.rglob("*")) if path.is_file()]
            # Of the labs those that this one needs; all else may be part of the attack.
            others = {lab.folder for lab in LABS} - {*self.folders}
            files = {
                str(path): (tree / path).read_bytes()
                for path in paths
                if path.parts[0] not in others
            }
        return Work("hostile", program.id, files, (GRADED,), stage, verdicts)

    def stray(self) -> Iterator[Work]:
        """One that is hostile at little cost; for lab 1."""
        files = {**self.reference, "lab1-echo/echo_server.c": STRAY.encode()}
        yield Work("hostile", "stray", files, (GRADED,), "1.1", (str(Verdict.WRONG),))

    def archive(self) -> Iterator[Work]:
        """Right work in archives that mean harm."""
        for name in HARMS:
            status = REFUSED if name in HOLD_NOTHING else GRADED
            yield Work("archive", name, self.reference, (status,), harm=name)


def counts(size: int) -> dict[str, int]:
    """How many of each kind: every kind in a class of ten."""
    found = {kind: max(1, round(size * share / 100)) for kind, share in SHARES.items()}
    found = dict(islice(found.items(), size))
    return {**found, "broken": max(0, size - sum(found.values()))}


def works(lab: Lab, size: int, random: Random, kinds: tuple[str, ...] = ()) -> list[Work]:
    """The works of a class, in no order: in the usual shares, or of some kinds alone (those that
    ``Makers`` makes). A kind with too few begins again.
    """
    makers = Makers(lab, random)
    found: list[Work] = []
    shares = Counter(islice(cycle(kinds), size)) if kinds else counts(size)
    for kind, count in shares.items():
        make: Callable[[], Iterator[Work]] = getattr(makers, kind)
        found += islice(cycle(make()), count)
    random.shuffle(found)
    return [work.alone(lab, makers.reference) if random.random() < 0.5 else work for work in found]
