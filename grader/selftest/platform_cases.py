"""What students may hand in on a platform: trees in a folder, each with what must become of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader.classroom.policy import stages_of
from grader.labs import Lab
from grader.selftest.harness import ROOT, broken_programs

# Runs before main: looks for what is the grader's, and ends the program if it finds a way to it. A
# place that it must reach shows that it ran. So the program passes only if it ran in vain.
_THIEF = """
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void found(const char *what)
{
    fprintf(stderr, "the thief got at %s\\n", what);
    abort();
}

__attribute__((constructor)) static void steal(void)
{
    static const char *const files[] = {
        "@TOP@/results/results.json", "@TOP@/source/assignment.json",
        "@TOP@/source/solutions/lab1-echo/net.c", "@TOP@/submission_metadata.json",
        "@TOP@/source/grader/cli.py",
    };
    static const char *const folders[] = {"@TOP@/results", "@TOP@/source", "@TOP@/submission"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (open(files[i], O_RDONLY) >= 0 || open(files[i], O_WRONLY) >= 0)
            found(files[i]);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (opendir(folders[i]) || access(folders[i], W_OK) == 0)
            found(folders[i]);
    if (open("@TOP@/results/results.json", O_WRONLY | O_CREAT, 0666) >= 0)
        found("a new results.json");
    int reached = open("/usr/include/stdio.h", O_RDONLY);
    if (reached < 0)
        found("less than it must");
    close(reached);
}
"""


@dataclass(frozen=True)
class Case:
    """A submission: ``make`` writes it into an empty folder. ``verdicts`` is what its stages may
    have; ``full`` says that it has all points. ``gone`` is a file that the grader lacks meanwhile.
    """

    name: str
    make: Callable[[Path], None]
    verdicts: frozenset[str]
    full: bool = False
    gone: str = ""


def reference(lab: Lab, folder: Path) -> None:
    """The lab's folder alone: its earlier labs are borrowed."""
    shutil.copytree(ROOT / "solutions" / lab.folder, folder / lab.folder)


def thief(lab: Lab, folder: Path, top: Path) -> None:
    """The reference, and a module that looks for the grader's files whenever a program starts."""
    reference(lab, folder)
    (folder / lab.folder / "thief.c").write_text(_THIEF.replace("@TOP@", str(top)))


def includer(lab: Lab, folder: Path, top: Path) -> None:
    """The compiler is asked for the grader's files."""
    reference(lab, folder)
    text = f'__asm__(".incbin \\"{top}/source/assignment.json\\"");\n'
    (folder / lab.folder / "includer.c").write_text(text)


def not_c(lab: Lab, folder: Path) -> None:
    reference(lab, folder)
    (folder / lab.folder / "unfinished.c").write_text("int main(void) { return\n")


def broken(lab: Lab, folder: Path) -> None:
    """The first of the broken programs that are made from the reference, and fail in a stage that
    counts.
    """
    main = {stage.id for stage in stages_of(lab.number) if not stage.extension}
    known = broken_programs(str(lab.number))
    program = next(p for p in known if p.base == "solutions" and p.stage in main)
    program.make(folder / "tree")
    shutil.move(folder / "tree" / lab.folder, folder / lab.folder)
    shutil.rmtree(folder / "tree")


def cases(lab: Lab, top: Path) -> list[Case]:
    """``top`` is where the platform has its folders, as the programs see it."""
    passed = frozenset({"PASS", "SKIPPED"})
    failed = passed | {"WRONG", "CRASH", "HANG", "SANITIZER"}
    return [
        Case("the reference", lambda folder: reference(lab, folder), frozenset({"PASS"}), True),
        Case("a broken program", lambda folder: broken(lab, folder), failed),
        Case(
            "does not compile", lambda folder: not_c(lab, folder), frozenset({"BUILD", "SKIPPED"})
        ),
        Case("a thief", lambda folder: thief(lab, folder, top), frozenset({"PASS"}), True),
        Case(
            "includes the grader's files",
            lambda folder: includer(lab, folder, top),
            frozenset({"BUILD", "SKIPPED"}),
        ),
        Case(
            "the reference, and a grader that breaks",
            lambda folder: reference(lab, folder),
            frozenset(),
            gone="grader/verdicts.py",
        ),
    ]
