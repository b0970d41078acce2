"""Makes the class: students, their works, the export, and the manifest beside it."""

from __future__ import annotations

from pathlib import Path
from random import Random

from grader.labs import LABS
from grader.selftest.class_of import expected
from grader.selftest.class_of.expected import Expected
from grader.selftest.class_of.layouts import LAYOUTS, TELLS_ID, Export, finish
from grader.selftest.class_of.names import Person, people
from grader.selftest.class_of.programs import Work, works


def manifest_of(folder: Path) -> Path:
    """Beside the class, not in it."""
    return folder.with_name(f"{folder.name}.expected.json")


def make_class(
    folder: Path, lab: int, size: int, layout: str, seed: int, kinds: tuple[str, ...] = ()
) -> Path:
    """Writes the class into a new folder, the same one for the same arguments. Returns the path of
    its manifest. ``kinds``: see ``works``.
    """
    random = Random(f"class {lab} {size} {layout} {seed}")
    export = Export(folder, random)
    folder.mkdir(parents=True)
    made = []
    handed = works(LABS[lab - 1], size, random, kinds)
    for person, work in zip(people(size, random), handed, strict=True):
        work = work.signed(person)
        source = LAYOUTS[layout](export, person, work)
        made.append(_expected(source, person if layout in TELLS_ID else None, person, work))
    finish(export)
    head = {"lab": lab, "size": size, "layout": layout, "seed": seed}
    expected.write(manifest_of(folder), head, made)
    return manifest_of(folder)


def _expected(source: str, known: Person | None, person: Person, work: Work) -> Expected:
    return Expected(
        source,
        known.id if known else "",
        person.name,
        work.kind,
        work.program,
        work.status,
        work.stage,
        work.verdicts,
    )
