"""How the export of a platform lies on the disk: Moodle's, Canvas's, Gradescope's, or what an
instructor has gathered by hand.

Each function writes what one student handed in into the class's folder, and returns how the names
of its files begin.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from grader.selftest.class_of.archives import DATE_S, HARMS, Files, make_tar, make_zip
from grader.selftest.class_of.names import Person
from grader.selftest.class_of.programs import Work

NAMES = (
    "lab.zip",
    "submission.zip",
    "Lab – final (2).zip",
    "abgabe.zip",
    "my work.tar.gz",
    "l.tgz",
)
TOPS = ("", "", "labs/", "echo-to-raft/labs/", "echo-to-raft-main/labs/", "My Lab (final)/")
CLUTTER: tuple[Files, ...] = (
    {},
    {},
    {"README.md": b"It works on my machine.\n", "Makefile": b"all:\n\techo built\n"},
    {".DS_Store": b"\0\0\0\1Bud1", "__MACOSX/._notes.txt": b"\0\5\x16\7"},
    {".vscode/settings.json": b"{}", "a.out": b"\x7fELF" + bytes(4000)},
    {"notes/Übung.txt": "Größe: 4 Bytes\n".encode(), "notes/old.c.bak": b"int x;\n"},
)


@dataclass
class Export:
    """A class's folder that is being filled."""

    folder: Path
    random: Random
    taken: set[str] = field(default_factory=set)
    submissions: dict[str, object] = field(default_factory=dict)  # Gradescope's metadata

    def packed(self, work: Work) -> tuple[str, bytes]:
        """The archive that the student hands in: its name and its bytes."""
        if work.harm:
            name, make = HARMS[work.harm]
            return name, make(work.files)
        name = self.random.choice(NAMES)
        make = make_zip if name.endswith(".zip") else make_tar
        return name, make(self.dressed(work))

    def dressed(self, work: Work) -> Files:
        """The files as they lie in a student's folder: below another, and with clutter."""
        top = self.random.choice(TOPS)
        if not work.files:
            return {}
        clutter = self.random.choice(CLUTTER)
        return {top + path: data for path, data in {**work.files, **clutter}.items()}

    def write(self, files: Files, below: str) -> None:
        (self.folder / below).mkdir(parents=True, exist_ok=True)
        for path, data in files.items():
            place = self.folder / below / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            os.utime(place, (DATE_S, DATE_S))

    def hand_in(self, work: Work, below: str) -> None:
        """An archive, or the files themselves, in a folder of the student's."""
        if work.harm or self.random.random() < 0.7:
            name, data = self.packed(work)
            self.write({name: data}, below)
        else:
            self.write(self.dressed(work), below)


def moodle(export: Export, person: Person, work: Work) -> str:
    """mod/assign: a folder a student, of the cleaned name and the number of the participant."""
    folder = moodle_name(person)
    export.hand_in(work, folder)
    return folder


def moodle_flat(export: Export, person: Person, work: Work) -> str:
    """The same where "download in folders" is off: the name of the file behind it."""
    start = f"{moodle_name(person)}_"
    name, data = export.packed(work)
    export.write({f"{start}{name}": data}, "")
    return start


def moodle_name(person: Person) -> str:
    """The cleaned name and the number, as clean_filename() of Moodle leaves them."""
    name = re.sub(r"[\x00-\x1f&<>\"`|':\\/]|\.\.+", "", person.name.replace("_", " "))
    return f"{name}_{person.id}_assignsubmission_file"


def canvas(export: Export, person: Person, work: Work) -> str:
    """lib/content_zipper.rb: files in one folder, of the name's letters in lower case, LATE, the
    numbers of student and attachment, and the file's own name.
    """
    # What Ruby takes for [[:word:]].
    kinds = ("L", "M", "Nd", "Pc")
    name = "".join(c for c in person.sortable.lower() if unicodedata.category(c).startswith(kinds))
    late = "_LATE" if export.random.random() < 0.1 else ""
    start = f"{name}{late}_{person.id}_"
    file, data = export.packed(work)
    attachment = export.random.randrange(1_000_000, 9_999_999)
    export.write({f"{start}{attachment}_{file}": data}, "")
    return start


def gradescope(export: Export, person: Person, work: Work) -> str:
    """A folder a submission, unpacked; who handed it in stands in submission_metadata.yml."""
    folder = f"submission_{export.random.randrange(10**8, 10**9)}"
    if work.harm:
        name, data = export.packed(work)
        export.write({name: data}, folder)
    else:
        export.write(export.dressed(work), folder)
    submitter = {":name": person.name, ":sid": person.id, ":email": person.email}
    export.submissions[folder] = {
        ":submitters": [submitter],
        ":created_at": "2025-03-14 15:09:26.535897000 Z",
        ":score": 0.0,
        ":status": "processed",
        ":history": [],
    }
    return folder


def plain(export: Export, person: Person, work: Work) -> str:
    """A folder, an archive or a git checkout, by login, or by a name that nobody else has."""
    by_name = export.random.random() < 0.5 and person.name not in export.taken
    title = person.name if by_name else person.login
    export.taken.add(title)
    form = export.random.choice(("folder", "archive", "archive", "git"))
    if work.harm or (form == "archive" and not person.name.endswith(".")):
        name, data = export.packed(work)
        ending = ".zip" if name.endswith(".zip") else ".tar.gz"
        export.write({title + ending: data}, "")
        return title + ending
    export.write(export.dressed(work), title)
    if form == "git" and work.kind != "hostile":  # whose .git names programs for git to run
        _commit(export.folder / title)
    return title


def _commit(folder: Path) -> None:
    """As git leaves it, but for the index, which knows the times of this disk."""
    git = ["git", "-c", "user.name=A Student", "-c", "user.email=s@example.edu"]
    date = f"{DATE_S} +0000"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
    }
    commands = (
        ["init", "--quiet", "--template=", "--initial-branch=main"],
        ["add", "--all"],
        ["commit", "--quiet", "--allow-empty", "--message=It works"],
    )
    for command in commands:
        subprocess.run([*git, *command], cwd=folder, env=environment, check=True)
    (folder / ".git" / "index").unlink()


def mixed(export: Export, person: Person, work: Work) -> str:
    """Most as Moodle has them; others came by mail, or over another platform."""
    ways = (moodle, moodle, moodle_flat, moodle_flat, plain, canvas)
    return export.random.choice(ways)(export, person, work)


LAYOUTS: dict[str, Callable[[Export, Person, Work], str]] = {
    "moodle": moodle,
    "moodle-flat": moodle_flat,
    "canvas": canvas,
    "gradescope": gradescope,
    "plain": plain,
    "mixed": mixed,
}

# What of a student an export tells.
TELLS_ID = ("moodle", "moodle-flat", "canvas", "gradescope")


def finish(export: Export) -> None:
    """Writes what an export has beside the submissions. YAML reads JSON."""
    if export.submissions:
        lines = [f"{name}:\n{_yaml(entry)}" for name, entry in sorted(export.submissions.items())]
        path = export.folder / "submission_metadata.yml"
        path.write_text("---\n" + "".join(lines), encoding="utf-8")


def _yaml(entry: object) -> str:
    """As Ruby's Psych writes it, with all text quoted."""
    assert isinstance(entry, dict)
    who = entry[":submitters"][0]
    quoted = {name: json.dumps(text, ensure_ascii=False) for name, text in who.items()}
    submitter = "".join(f"    {name}: {text}\n" for name, text in quoted.items())
    return (
        f"  :submitters:\n  -{submitter[3:]}  :created_at: {entry[':created_at']}\n"
        f"  :score: {entry[':score']}\n  :status: {entry[':status']}\n  :history: []\n"
    )
