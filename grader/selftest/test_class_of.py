"""The class that the tests of class mode grade: the same one each time, and intake finds in each
layout who handed in what.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from grader.classroom.intake import take
from grader.labs import LABS
from grader.selftest.class_of import expected
from grader.selftest.class_of.expected import REFUSED
from grader.selftest.class_of.layouts import LAYOUTS
from grader.selftest.class_of.make import make_class, manifest_of
from grader.selftest.class_of.names import people
from grader.selftest.class_of.programs import counts, works
from grader.selftest.class_of.running import matched
from grader.selftest.class_of.traces import marked

LAB, SIZE = 3, 40


@pytest.mark.parametrize("layout", LAYOUTS)
def test_intake_finds_in_each_layout_who_handed_in_what(tmp_path: Path, layout: str) -> None:
    folder = tmp_path / "class"
    make_class(folder, LAB, SIZE, layout, seed=1)
    known = expected.read(manifest_of(folder))
    found = list(take(folder, LABS[LAB - 1]))
    places = matched([submission.handed for submission in found], known)
    assert [len(each) for each in places] == [1] * SIZE and len(found) == SIZE
    for one, (place,) in zip(known, places, strict=True):
        student, handed = found[place].student, found[place].handed
        assert not one.id or student.id == one.id, one
        assert bool(handed.refused) == (one.status == (REFUSED,)), (one, handed)
    assert marked(tmp_path) == []


def test_a_class_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        make_class(tmp_path / name / "class", LAB, 16, "plain", seed=7)
    one, other = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in files if path.is_file()}
        for name in ("one", "other")
        for files in [sorted((tmp_path / name).rglob("*"))]
    )
    assert one == other
    make_class(tmp_path / "third" / "class", LAB, 16, "plain", seed=8)
    manifests = [manifest_of(tmp_path / name / "class").read_text() for name in ("one", "third")]
    assert manifests[0] != manifests[1]


@pytest.mark.parametrize("size", [1, 4, 8, 12, 200])
def test_a_class_has_its_size_and_every_kind(size: int) -> None:
    made = works(LABS[0], size, Random(1))
    assert len(made) == size
    assert size < 8 or {work.kind for work in made} == counts(size).keys()


def test_names_are_as_they_are() -> None:
    persons = people(200, Random(1))
    names = [person.name for person in persons]
    assert len({person.id for person in persons}) == len({p.login for p in persons}) == 200
    assert names.count("Nguyễn Văn Anh") == 2
    assert any(" " not in name for name in names) and max(map(len, names)) > 100
