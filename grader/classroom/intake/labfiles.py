"""Finds a lab's files in what was handed in: the whole repository, the lab's folder alone, or only
its loose files, at any depth and in any archive.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache

from grader.classroom.intake.bounds import SOURCES, TOLD
from grader.classroom.intake.harvest import Harvest
from grader.classroom.intake.names import base, parent
from grader.labs import LABS, Lab
from grader.report import escape
from grader.starters import HASHES
from grader.tree import ROOT

# Folders of the project, or of tools, that hold other versions of the lab's files.
_NOT_THEIRS = {"solutions", "starter", "selftest", "build", "out"}
# Folders of the bundle that no student works in.
_BUNDLE = ("grader/", "handouts/", "docs/", "solutions/", "out/")


@dataclass(frozen=True)
class LabFiles:
    """What is graded, by path in the tree, and what is said of it. ``missing`` has starters by
    their paths, and a folder with a slash where nothing of it is there; ``refused`` says why there
    is nothing to grade.
    """

    files: dict[str, bytes] = field(repr=False)
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: str = ""


@cache
def _given() -> dict[str, list[str]]:
    """The hashes of the starters by their paths, earlier ones too."""
    given: dict[str, list[str]] = json.loads(HASHES.read_text())
    return given


def _is_untouched(files: dict[str, bytes], lab: Lab) -> bool:
    """Whether the lab's folder holds nothing but starters; ``files`` by path in the tree."""
    return all(
        hashlib.sha256(data).hexdigest() in _given().get(path, ())
        for path, data in files.items()
        if parent(path) == lab.folder
    )


@cache
def starters() -> dict[str, tuple[str, ...]]:
    """The names of the starters of each lab's folder."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in _given():
        found[parent(path)].append(base(path))
    return {folder: tuple(names) for folder, names in found.items()}


def find(harvest: Harvest, lab: Lab, newest: tuple[str, ...] = ()) -> LabFiles:
    """The files of the lab, and of the labs that it builds on. Where several folders fit, those in
    the first of ``newest`` (names at the top) are taken, then those nearest to the top.
    """
    search = _Search(harvest, lab, newest)
    if not search.taken.get(lab.folder):
        return LabFiles({}, notes=_notes(harvest), refused=_nothing(harvest, lab))
    most = max(map(len, search.taken.values()))
    if most > SOURCES:
        return LabFiles(
            {}, notes=_notes(harvest), refused=f"a lab's folder holds more than {SOURCES} C files"
        )
    extra = search.extra()
    if len(extra) > TOLD:
        harvest.note(f"{len(extra) - TOLD} further files were left out")
    files = {
        f"{folder}/{name}": harvest.sources[path]
        for folder, paths in search.taken.items()
        for name, path in sorted(paths.items())
    }
    if _is_untouched(files, lab):
        harvest.note(f"{lab.folder} is as it was given out")
    return LabFiles(
        files,
        tuple(search.missing()),
        tuple(map(escape.one_line, extra[:TOLD])),
        tuple(search.notes) + _notes(harvest),
    )


def _nothing(harvest: Harvest, lab: Lab) -> str:
    why = f"; {harvest.notes[0]}" if harvest.notes else ""
    return f"no C file of {lab.folder} was found{why}"


def _notes(harvest: Harvest) -> tuple[str, ...]:
    more = (f"and {harvest.untold} more of this kind",) if harvest.untold else ()
    return (*harvest.notes, *more)


@dataclass
class _Search:
    """``taken`` has for each lab's folder where its files lie, by name."""

    harvest: Harvest
    lab: Lab
    newest: tuple[str, ...]
    taken: dict[str, dict[str, str]] = field(init=False, default_factory=dict)
    notes: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._wanted = (self.lab.folder, *self.lab.uses)
        self._home: str | None = None  # where the lab's folder lies; the others most likely, too
        self._named: set[str] = set()
        self._folders: dict[str, dict[str, str]] = defaultdict(dict)
        for path in self.harvest.sources:
            self._folders[parent(path)][base(path)] = path
        for folder in self._wanted:
            self._take_named(folder, set(starters()[folder]))
        for folder in self._wanted:
            if folder not in self.taken:
                self._take_loose(folder)
        for folder in self._wanted:
            if folder not in self.taken:
                self._take_named(folder)
        for folder, paths in self.taken.items():
            self._compare_names(folder, list(paths))

    def _take_named(self, folder: str, known: set[str] | None = None) -> None:
        """From a folder of that name, and with a file of such a name, if any are asked for; on
        some systems case is no part of a name.
        """
        there = [
            path
            for path, names in self._folders.items()
            if known is None or not known.isdisjoint(names)
        ]
        exact = [path for path in there if base(path) == folder]
        found = exact or [path for path in there if base(path).lower() == folder]
        if not found:
            return
        first, *others = sorted(found, key=self._rank)
        if folder == self.lab.folder:
            self._home = parent(first)
        self._named.add(first)
        self.taken[folder] = self._folders[first]
        if any(is_theirs(path) for path in others):
            shown = escape.one_line(first)
            self.notes.append(f"{folder} is there more than once: {shown} was taken")

    def _rank(self, path: str) -> tuple[bool, int, bool, bool, int, str]:
        """What comes first is taken: of the graded lab, nothing as it was given out if there is
        more.
        """
        top, depth = path.split("/")[0], path.count("/")
        age = self.newest.index(top) if top in self.newest else 0
        away = parent(path) != self._home
        return not is_theirs(path), age, self._is_given(path), away, depth, path

    def _is_given(self, path: str) -> bool:
        """Whether all in a folder of the graded lab are starters."""
        if base(path).lower() != self.lab.folder:
            return False
        paths = self._folders[path]
        files = {f"{self.lab.folder}/{name}": self.harvest.sources[paths[name]] for name in paths}
        return _is_untouched(files, self.lab)

    def _take_loose(self, folder: str) -> None:
        """From the folder that holds most of the lab's files under their own names."""
        known = set(starters()[folder])
        count = {
            path: len(known & names.keys())
            for path, names in self._folders.items()
            if path not in self._named
        }
        enough = 1 if folder == self.lab.folder else len(known) / 2
        fits = [path for path in count if count[path] >= enough]
        if not fits:
            return
        best = min(fits, key=lambda path: (-count[path], self._rank(path)))
        # A student's own module goes with the lab that is graded.
        owners = {folder, ""} if folder == self.lab.folder else {folder}
        self.taken[folder] = {
            name: path for name, path in self._folders[best].items() if owner(name) in owners
        }

    def _compare_names(self, folder: str, names: list[str]) -> None:
        lower = [name.lower() for name in names]
        same = [name for name in names if lower.count(name.lower()) > 1]
        if same:
            self.notes.append(f"{folder}: only case tells apart {', '.join(sorted(same))}")

    def missing(self) -> list[str]:
        """Starters that are not there; a folder's name where all of its files are not."""
        names = []
        for folder in self._wanted:
            there = self.taken.get(folder, {})
            paths = [f"{folder}/{name}" for name in starters()[folder] if name not in there]
            names += paths if there else [f"{folder}/"]
        return names

    def extra(self) -> list[str]:
        """What is neither graded nor the project's own, from the top downwards."""
        taken = {path for paths in self.taken.values() for path in paths.values()}
        left = [path for path in (*self.harvest.sources, *self.harvest.others) if path not in taken]
        return sorted(
            (path for path in left if not self._is_known(path)),
            key=lambda path: (path.count("/"), path),
        )

    def _is_known(self, path: str) -> bool:
        """Whether it is of another lab, or of the project's bundle that the student works in."""
        if any(lab.folder in path.split("/") for lab in LABS if lab.folder not in self._wanted):
            return True
        if self._home is None:
            return False
        if is_ours(path, self._home, "labs"):
            return True
        return base(self._home) == "labs" and is_ours(path, parent(self._home), "")


def is_theirs(path: str) -> bool:
    """Whether a folder may hold a student's work, and is no other version of it."""
    return _NOT_THEIRS.isdisjoint(path.split("/"))


def is_ours(path: str, top: str, place: str) -> bool:
    """Whether the project has a file like this: ``top`` is where a copy of ``place`` begins."""
    start = f"{top}/" if top else ""
    inner = path.removeprefix(start)
    if not path.startswith(start):
        return False
    return (ROOT / place / inner).is_file() or (not place and inner.startswith(_BUNDLE))


@cache
def owner(name: str) -> str:
    """The folder of the lab whose starter has this name, or ""."""
    return next((folder for folder, names in starters().items() if name in names), "")
