"""Lays out a class for a similarity detector: compare50, JPlag or Dolos.

    submissions/KEY/    what each student wrote of the lab
    base/               the starter, which all have in common
    known/NAME/         what anybody can read: the solution, and correct variants of it
    dolos/              the same with one file each, as Dolos takes them, and its info.csv
    names.csv           who KEY is: no name leaves this machine with the rest
    README.txt          the commands

Nothing is compared here: whoever reads the detector's report decides.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from grader.classroom import intake
from grader.classroom.exports import cells
from grader.classroom.model import Submission
from grader.classroom.options import add_class
from grader.errors import UsageError
from grader.labs import LABS, Lab
from grader.run.build import ROOT, SOLUTIONS, sources

_VARIANTS = ROOT / "grader" / "selftest" / "variants"

_README = """\
Lab {lab}: {count} submissions, and {known} known sources. Each of these runs in this folder.

compare50 (https://github.com/cs50/compare50): -d is what all have in common, -a is compared with,
and not among itself.

    compare50 submissions/* -d base -a known/*

JPlag (https://github.com/jplag/JPlag), version 4 or later: pairs of two old submissions are left
out.

    java -jar jplag.jar -l c -bc base -new submissions -old known

Dolos (https://dolos.ugent.be), a version that knows --ignore:

    dolos run -l c --ignore dolos/base.c dolos/info.csv

A submission that is like a known source was not necessarily copied: the labs ask for small
programs with given interfaces. Read the two beside each other, and ask.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_class(parser)
    words = "folder to write, which is not there yet"
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=words)


def main(arguments: argparse.Namespace) -> int:
    """Writes the folder. Raises UsageError where there is something already."""
    lab = next(lab for lab in LABS if lab.number == arguments.lab)
    out: Path = arguments.out
    if out.exists():
        raise UsageError(f"--out {out}: it is there already")
    taken = intake.take(arguments.submissions, lab, arguments.layout)
    count = lay_out(taken, lab, out)
    print(f"{count} submissions are in {out}: README.txt there has the commands", file=sys.stderr)
    return 0


def lay_out(submissions: Iterable[Submission], lab: Lab, out: Path) -> int:
    """Writes all of it to ``out``; returns how many submissions there are."""
    known, base = known_sources(lab), sources(ROOT / "labs" / lab.folder)
    _write(out / "base", base)
    _write(out / "dolos", {"base.c": joined(base)})
    for name, files in known.items():
        _lay_one(out, "known", name, files)
    names = {}
    for submission in submissions:
        files = _own(submission.files, lab)
        if files:
            names[submission.student.key] = submission.student.name
            _lay_one(out, "submissions", submission.student.key, files)
    table = [(f"known/{name}.c", "known", name) for name in known]
    table += [(f"submissions/{key}.c", "submission", key) for key in names]
    _table(out / "dolos" / "info.csv", ("filename", "label", "full_name"), table)
    _table(out / "names.csv", ("key", "name"), names.items())
    words = _README.format(lab=lab.number, count=len(names), known=len(known))
    (out / "README.txt").write_text(words, encoding="utf-8")
    return len(names)


def _lay_one(out: Path, kind: str, name: str, files: Mapping[str, bytes]) -> None:
    _write(out / kind / name, files)
    _write(out / "dolos" / kind, {f"{name}.c": joined(files)})


def known_sources(lab: Lab) -> dict[str, dict[str, bytes]]:
    """The reference of the lab and its correct variants, where this checkout has them."""
    places = {"solution": SOLUTIONS, **{path.name: path for path in sorted(_VARIANTS.glob("*"))}}
    folders = {name: place / lab.folder for name, place in places.items()}
    return {name: sources(folder) for name, folder in folders.items() if folder.is_dir()}


def joined(files: Mapping[str, bytes]) -> bytes:
    """All of them in one file, each behind its name."""
    parts = (f"/* {name} */\n".encode() + files[name] + b"\n" for name in sorted(files))
    return b"".join(parts)


def _own(files: Mapping[str, bytes], lab: Lab) -> dict[str, bytes]:
    """Those of the lab itself: what it builds on was compared when it was handed in."""
    prefix = f"{lab.folder}/"
    return {name.removeprefix(prefix): files[name] for name in files if name.startswith(prefix)}


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Creates them: no name leads elsewhere, since intake has let no such name in."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        with (folder / name).open("xb") as file:
            file.write(data)


def _table(path: Path, head: tuple[str, ...], table: Iterable[tuple[str, ...]]) -> None:
    path.write_text(cells.rows([head, *table]), encoding="utf-8")
