"""What holds of any submission: the intake neither raises nor writes, its bounds hold, and it reads
what the grader itself would read.
"""

from __future__ import annotations

import os
import random
import re
import tarfile
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.classroom.intake import bounds, names, sha256_of
from grader.classroom.model import Submission
from grader.report import escape
from grader.run import build
from grader.selftest.handed_in import LAB, MOODLE, lab_files, lay, only, tarred, watched, zipped

FILES = lab_files()
LIMITS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
KEY = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(-[a-z0-9]+)*")


@contextmanager
def folder() -> Iterator[Path]:
    """One for each example."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def is_sound(submission: Submission) -> bool:
    """Fails for anything that a submission must not have, or have not."""
    handed, files = submission.handed, submission.files
    assert KEY.fullmatch(submission.student.key)
    for path, data in files.items():
        lab, _, name = path.partition("/")
        assert lab in (LAB.folder, *LAB.uses) and names.C_FILE.fullmatch(name), path
        assert len(data) <= bounds.SOURCE_BYTES
    shown = (*handed.missing, *handed.extra, *handed.notes, handed.refused, handed.source)
    assert all(escape.visible(text, "") == text for text in (*shown, submission.student.name))
    assert len(handed.extra) <= bounds.TOLD and len(handed.notes) <= bounds.TOLD + 10
    assert bool(handed.refused) == (not files)
    assert handed.sha256 == sha256_of(files)
    return True


# --- names ---

file_names = st.text(min_size=1, max_size=60).filter(
    lambda name: (
        not set(name) & set("/\0\ud800")
        and name not in (".", "..")
        and len(name.encode("utf-8", "surrogatepass")) < 180
    )
)


def encodable(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


names_on_disk = file_names.filter(encodable)


@LIMITS
@given(
    st.lists(names_on_disk, unique=True, max_size=4),
    st.sampled_from(["", "_7_assignsubmission_file"]),
)
def test_any_name_of_a_student(found: list[str], ending: str) -> None:
    with folder() as path:
        lay(path / MOODLE, FILES) if ending else lay(path / "ada", FILES)
        for name in found:
            lay(path / f"{name}{ending}", FILES)
        submissions = watched(path)
        keys = [submission.student.key for submission in submissions]
        assert all(map(is_sound, submissions))
        assert len(set(keys)) == len(keys) and keys == sorted(keys)
        assert not ending or len(keys) == len(found) + 1


def same_letters(name: str) -> set[str]:
    """Names that differ in the encoding of their letters alone."""
    return {name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))}


@LIMITS
@given(names_on_disk, st.lists(names_on_disk, unique=True, max_size=3))
def test_a_key_stays_when_others_hand_in(name: str, others: list[str]) -> None:
    alike = {name.lower(), name.upper(), f"{name} ", f"-{name}", *others}
    with folder() as path:
        lay(path / f"{name}_7_assignsubmission_file", FILES)
        (alone,) = watched(path)
        for number, other in enumerate(alike):
            lay(path / f"{other}_{70 + number}_assignsubmission_file", FILES)
        assert alone.student in [submission.student for submission in watched(path)]
    by_name = names.key_of(name, identity=name)
    assert KEY.fullmatch(by_name)
    assert all(names.key_of(each, identity=each) != by_name for each in alike - same_letters(name))


# --- archives ---

# Paths that are mostly those of a lab, and sometimes anything.
parts = st.one_of(
    st.sampled_from(
        ["lab3-resp", "lab2-loop", "labs", "..", ".", "", "-a", "a\nb", ".git", "x.zip"]
    ),
    file_names.filter(lambda name: "\0" not in name),
)
paths = st.builds(
    lambda start, inner, name: "/".join([*start, *inner, name]),
    st.lists(st.just(""), max_size=1),
    st.lists(parts, max_size=4),
    st.sampled_from(
        ["resp.c", "kv.h", "Makefile", "RESP.C", "a.tar.gz", "-x.c", "a b.c", "é.c", ".c"]
    ),
).filter(encodable)
trees = st.dictionaries(paths, st.binary(max_size=200), max_size=8)
MODES = {"w.tar": "w", "w.tgz": "w:gz", "w.tbz": "w:bz2", "w.txz": "w:xz"}
ODD = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, b"Q")


@st.composite
def odd_members(draw: st.DrawFn) -> tarfile.TarInfo:
    member = tarfile.TarInfo(draw(paths))
    member.type = draw(st.sampled_from(ODD))
    member.linkname = draw(paths)
    return member


@LIMITS
@given(trees, st.lists(odd_members(), max_size=3), st.booleans())
def test_any_members_of_an_archive(
    tree: dict[str, bytes], odd: list[tarfile.TarInfo], is_zip: bool
) -> None:
    honest = {f"honest/{path}": data for path, data in FILES.items()}
    data = zipped(tree | honest) if is_zip else tarred(tree | honest, others=odd)
    with folder() as path:
        lay(path, {f"eve.{'zip' if is_zip else 'tgz'}": data})
        (submission,) = watched(path)
        assert is_sound(submission) and submission.files


@LIMITS
@given(
    st.sampled_from(["w.zip", "w.tar", "w.tgz", "w.tbz", "w.txz"]),
    st.integers(0, 1 << 30),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=8)), max_size=6),
    st.integers(0, 9000),
)
def test_any_damage_to_an_archive(
    name: str, seed: int, changes: list[tuple[int, bytes]], cut: int
) -> None:
    tree = {f"{n}/resp.c": random.Random(seed + n).randbytes(100) for n in range(20)} | FILES
    whole = zipped(tree) if name == "w.zip" else tarred(tree, MODES[name])
    data = bytearray(whole[: len(whole) - cut])
    for at, change in changes:
        start = at % len(data)
        data[start : start + len(change)] = change
    with folder() as path:
        lay(path / "eve", {name: bytes(data)})
        (submission,) = watched(path)
        assert is_sound(submission)
        assert submission.files == {} or data != whole or submission.files == FILES


@LIMITS
@given(
    st.binary(max_size=3000), st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08"])
)
def test_any_bytes_for_an_archive(data: bytes, start: bytes) -> None:
    with folder() as path:
        lay(path, {"eve.zip": start + data})
        assert all(map(is_sound, watched(path)))


ordinary = st.dictionaries(
    st.text("abc/ÄЖ😀-_.", min_size=1, max_size=260)
    .filter(
        lambda name: (
            not name.startswith("-")
            and not re.search(r"//|/-|\.\.|^/|/$|(^|/)\.", name)
            and max(map(len, name.encode().split(b"/"))) < 200
        )
    )
    .map(lambda name: f"w/{name}.c"),
    st.binary(max_size=1500),
    max_size=5,
)


@LIMITS
@given(ordinary, st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_what_python_packs_is_what_is_found(tree: dict[str, bytes], form: int) -> None:
    tree = {
        name: data for name, data in tree.items() if len(name) < 90 or form != tarfile.USTAR_FORMAT
    }
    tree |= {
        f"w/{'d' * 120}/{'e' * 80}/lab3-resp/{path}": data for path, data in [("resp.c", b"1")]
    }
    with folder() as path:
        lay(path, {"ada.tar": tarred(tree, "w", format=form)})
        submission = only(path)
    assert submission.files == {"lab3-resp/resp.c": b"1"}
    extra = {f"ada.tar/{name}" for name in tree if not name.endswith("resp.c")}
    shortened = {name for name in submission.handed.extra if name.endswith("…")}
    assert shortened or set(submission.handed.extra) == extra


# --- as the grader reads it ---

c_names = st.from_regex(r"[A-Za-z0-9_.+ é-]{1,6}\.[chH]", fullmatch=True)


@LIMITS
@given(st.dictionaries(c_names, st.binary(max_size=20), max_size=6))
def test_what_counts_is_what_the_grader_reads(tree: dict[str, bytes]) -> None:
    with folder() as path:
        lay(path / "ada" / "lab3-resp", tree | {"resp.c": b""})
        read = build.sources(path / "ada" / "lab3-resp")
        assert only(path).files == {f"lab3-resp/{name}": data for name, data in read.items()}


@pytest.mark.parametrize(("count", "size"), [(499, 1), (500, 1), (1, bounds.SOURCE_BYTES)])
def test_what_is_taken_is_never_too_much_for_the_grader(
    tmp_path: Path, count: int, size: int
) -> None:
    tree = {f"a{n}.c": bytes(size) for n in range(count)}
    lay(tmp_path / "ada" / "lab3-resp", tree)
    assert len(only(tmp_path).files) == len(build.sources(tmp_path / "ada" / "lab3-resp")) == count
