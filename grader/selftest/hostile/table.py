"""The hostile submissions, from the TOML files beside this one."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.labs import LABS
from grader.run.isolation import LIMITS, NAMESPACES
from grader.selftest.harness import ROOT

HERE = Path(__file__).parent
REFUSED = "refused"  # instead of a verdict: the grader says in one line why it takes no such tree

_USERS = ("root", "ordinary")
WHERE = {
    "everywhere": tuple((user, level) for level in (NAMESPACES, LIMITS) for user in _USERS),
    "namespaces": tuple((user, NAMESPACES) for user in _USERS),
    "root-limits": (("root", LIMITS),),
}

# The program of a lab that ``main`` replaces.
_PROGRAM = {"1": "echo_server", "2": "loop_server", "3": "kv_server", "4": "rpc_server"}


@dataclass(frozen=True)
class Hostile:
    """A submission that means harm, and what must come of it.

    ``verdicts`` (and ``diagnoses``, where there are any) are those that its ``stage`` may get.
    ``could`` names what it tries and may do; all else that it says it could do is a breach.
    ``shows`` is text that the failure's card must hold: that the attack took place; ``hides`` is
    what no output may hold. ``where`` are the users and levels under which it is contained.
    ``slow`` is run on request only.
    """

    id: str
    tries: str
    stage: str
    verdicts: tuple[str, ...]
    diagnoses: tuple[str, ...]
    could: tuple[str, ...]
    shows: tuple[str, ...]
    hides: tuple[str, ...]
    where: tuple[tuple[str, str], ...]  # user and level
    slow: bool
    borrow: str
    main: str  # the body of a main() that replaces the lab's program
    module: str  # a C file more
    files: tuple[
        dict[str, Any], ...
    ]  # each with name, and text or a Python expression that makes it
    edits: tuple[dict[str, str], ...]

    @property
    def lab(self) -> str:
        return self.stage.partition(".")[0]

    @property
    def levels(self) -> frozenset[str]:
        """At which it is contained, whoever runs the grader."""
        return frozenset(level for _, level in self.where)

    @property
    def _folder(self) -> str:
        return next(lab.folder for lab in LABS if str(lab.number) == self.lab)

    def make(self, work: Path, words: dict[str, str]) -> None:
        """Writes the tree: the reference with this in it. ``words`` are put in for others, such as
        TOKEN.
        """
        words = {"HOST_PORT": "9", "HOST_SOCKET": "nobody", **words}
        shutil.copytree(ROOT / "solutions", work)
        here = work / self._folder
        written = {"hostile.h": (HERE / "hostile.h").read_text()}
        if self.main:
            written[f"{_PROGRAM[self.lab]}.c"] = _main(self.main)
        if self.module:
            written["hostile.c"] = f'#include "hostile.h"\n\n{self.module}'
        for name, text in written.items():
            (here / name).write_text(_replaced(text, words))
        for file in self.files:
            for number in range(file.get("count", 1)):
                path = work / file["name"].replace("NUMBER", str(number))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(_text(file, words | {"NUMBER": str(number)}))
        for edit in self.edits:
            _edit(work / edit["file"], edit, words)
        for path in (work, *work.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


def _main(body: str) -> str:
    return (
        '#include "hostile.h"\n\nint main(int argc, char **argv)\n{\n    (void)argc, (void)argv;\n'
        f"    name_itself();\n{body}\n    return 3;\n}}\n"
    )


def _replaced(text: str, words: dict[str, str]) -> str:
    for word, instead in words.items():
        text = text.replace(word, instead)
    return text


def _text(file: dict[str, Any], words: dict[str, str]) -> bytes:
    """Long and odd texts are made: the text ``repeat`` times between ``before`` and ``after``, in
    Latin-1 where single bytes are meant.
    """
    text = file["text"] * file.get("repeat", 1)
    text = file.get("before", "") + text + file.get("after", "")
    return _replaced(text, words).encode(file.get("encoding", "utf-8"))


def _edit(path: Path, edit: dict[str, str], words: dict[str, str]) -> None:
    text = path.read_text()
    assert text.count(edit["find"]) == 1, f"{path.name}: {edit['find']!r} is not there once"
    path.write_text(text.replace(edit["find"], _replaced(edit["replace"], words)))


def hostile_programs() -> list[Hostile]:
    """All of them, in the order of the files."""
    found = [
        _hostile(entry)
        for path in sorted(HERE.glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["program"]
    ]
    assert len({program.id for program in found}) == len(found), "two have one id"
    return found


def _hostile(entry: dict[str, Any]) -> Hostile:
    known = {
        "id", "tries", "stage", "verdict", "diagnosis", "could", "shows", "hides", "where", "slow",
        "borrow", "main", "module", "file", "edit",
    }  # fmt: skip
    assert entry.keys() <= known, f"{entry['id']}: {sorted(entry.keys() - known)}"
    return Hostile(
        id=entry["id"],
        tries=entry["tries"],
        stage=entry["stage"],
        verdicts=_tuple(entry["verdict"]),
        diagnoses=_tuple(entry.get("diagnosis", [])),
        could=_tuple(entry.get("could", [])),
        shows=_tuple(entry.get("shows", [])),
        hides=_tuple(entry.get("hides", [])),
        where=tuple(
            one for name in _tuple(entry.get("where", "everywhere")) for one in WHERE[name]
        ),
        slow=entry.get("slow", False),
        borrow=entry.get("borrow", ""),
        main=entry.get("main", ""),
        module=entry.get("module", ""),
        files=tuple(entry.get("file", [])),
        edits=tuple(entry.get("edit", [])),
    )


def _tuple(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
