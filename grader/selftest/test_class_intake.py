"""The intake of a class: platforms' layouts, and where in a submission the lab's files lie."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.classroom.intake import sha256_of
from grader.errors import UsageError
from grader.selftest.handed_in import LAB, MOODLE, lab_files, lay, only, taken, tarred, zipped

FILES = lab_files(top="solutions")
LOOSE = {path.rpartition("/")[2]: data for path, data in FILES.items()}
EARLIER = lab_files("lab1-echo") | lab_files("lab2-loop")


def keys(folder: Path, layout: str | None = None) -> list[str]:
    return [submission.student.key for submission in taken(folder, layout)]


# --- layouts ---


def test_moodle_gives_a_folder_a_student(tmp_path: Path) -> None:
    lay(tmp_path / f"{MOODLE}_", FILES)
    lay(tmp_path / "Groß Jürgen_12346_assignsubmission_file", {"work.zip": zipped(FILES)})
    ada, juergen = taken(tmp_path)
    assert (ada.student.key, ada.student.name, ada.student.id) == (
        "ada-lovelace-12345",
        "Ada Lovelace",
        "12345",
    )
    assert juergen.student.key == "gross-jurgen-12346"
    assert ada.files == juergen.files == FILES
    assert ada.handed.layout == "moodle"
    assert ada.handed.sha256 == juergen.handed.sha256 == sha256_of(FILES)


def test_moodle_gives_flat_files(tmp_path: Path) -> None:
    lay(tmp_path, {f"{MOODLE}_{name}": data for name, data in LOOSE.items()})
    lay(tmp_path, {"Bob_77_assignsubmission_file_work.tar.gz": tarred(FILES)})
    assert [submission.files for submission in taken(tmp_path)] == [FILES, FILES]


def test_moodle_online_text_is_no_file(tmp_path: Path) -> None:
    lay(tmp_path, {"Ada_1_assignsubmission_onlinetext/onlinetext.html": b"<p>see mail</p>"})
    assert "no C file of lab3-resp" in only(tmp_path).handed.refused


def test_canvas_gives_flat_files(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "lovelaceada_LATE_12345_67890_work.zip": zipped(FILES),
            "turingalan_12346_67891_lab3-1.tgz": tarred(FILES),
            "anon_aB3xY_67892_work.zip": zipped(FILES),
            "hoppergrace_12347_text.html": b"I could not upload it",
        },
    )
    anon, grace, ada, alan = taken(tmp_path)
    assert (ada.student.key, ada.handed.is_late) == ("lovelaceada-12345", True)
    assert (alan.student.id, alan.handed.is_late) == ("12346", False)
    assert anon.student.name == "anon"
    assert ada.files == alan.files == anon.files == FILES
    assert "no C file" in grace.handed.refused


def test_canvas_renames_what_is_handed_in_again(tmp_path: Path) -> None:
    own = {"ring-2.h": b"int ring;\n", "utf-8.h": b"", "resp-1.c": b'#include "ring.h"\n'}
    handed = LOOSE | own | {"resp.c": b"older\n"}
    numbers = {name: 500 + n for n, name in enumerate(handed)} | {"resp.c": 100}
    lay(tmp_path, {f"adal_1_{numbers[name]}_{name}": data for name, data in handed.items()})
    files = only(tmp_path).files
    assert files["lab3-resp/resp.c"] == own["resp-1.c"]
    assert files["lab3-resp/ring.h"] == own["ring-2.h"]
    assert "lab3-resp/utf-8.h" in files


def test_canvas_the_newest_archive_counts(tmp_path: Path) -> None:
    new = dict.fromkeys(FILES, b"// new\n")
    lay(
        tmp_path,
        {
            "adal_1_90_work-1.zip": zipped(new),
            "adal_1_80_a.zip": zipped(FILES),
            "adal_1_70_work-1.zip": zipped(FILES),
        },
    )
    submission = only(tmp_path)
    assert submission.files == new
    assert submission.handed.notes == (
        "1 older files of the same name were left out",
        "lab3-resp is there more than once: work-1.zip/lab3-resp was taken",
    )


METADATA = b"""---
submission_400:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0123'
    :email: ada@example.org
  :created_at: 2026-04-25 17:34:00.000000000 Z
submission_401:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0123'
    :email: ada@example.org
  :created_at: 2026-04-26 17:34:00.861687000 Z
  :results:
    output: 'Don''t worry about this test, it just checks that you submitted the
        correct assignment.

'
...
---
submission_402:
  :submitters:
  - :name: Alan Turing
    :sid: '2'
    :email: alan@example.org
  - :name: Grace Hopper
    :sid:
    :email: grace@example.org
  :created_at: 2026-04-26 10:00:00.000000000 -07:00
submission_403:
  :submitters:
  - :name: Edsger Dijkstra
    :sid: '4'
"""


def test_gradescope_tells_who_and_when(tmp_path: Path) -> None:
    lay(tmp_path, {"submission_metadata.yml": METADATA})
    for number in (400, 401, 402, 404):
        lay(tmp_path / f"submission_{number}", FILES | {"lab3-resp/n.h": b"%d" % number})
    ada, alan, edsger, grace, unlisted = taken(tmp_path)
    assert ada.student.key == "ada-lovelace-0123"
    assert ada.handed.at == datetime(2026, 4, 26, 17, 34, 0, 861687, UTC)
    assert ada.handed.source == "submission_401"
    assert (alan.handed.at, alan.files) == (datetime(2026, 4, 26, 17, tzinfo=UTC), grace.files)
    assert alan.handed.notes == ("handed in by a group of 2",)
    assert grace.student.email == "grace@example.org"
    assert "holds no files" in edsger.handed.refused
    assert unlisted.student.name == "submission_404"


def test_plain_is_one_name_a_student(tmp_path: Path) -> None:
    lay(tmp_path / "ada", FILES)
    lay(tmp_path / "git-checkout", FILES | {".git/config": b"[core]\nfsmonitor = touch /tmp/x\n"})
    lay(
        tmp_path,
        {
            "alan.tar.gz": tarred(FILES),
            "bob.tgz": tarred(FILES),
            "eve.tar": tarred(FILES, "w"),
            "grace.ZIP": zipped(FILES),
            "ivan.tar.bz2": tarred(FILES, "w:bz2"),
            "judy.txz": tarred(FILES, "w:xz"),
            "grades.csv": b"",
            "README.md": b"",
            ".hidden": b"",
        },
    )
    assert keys(tmp_path) == ["ada", "alan", "bob", "eve", "git-checkout", "grace", "ivan", "judy"]
    for submission in taken(tmp_path):
        assert submission.files == FILES, submission.handed
        assert submission.handed.extra == submission.handed.notes == ()


def test_an_archive_goes_before_the_folder_beside_it(tmp_path: Path) -> None:
    lay(tmp_path, {"ada.zip": zipped(FILES), "ada/lab3-resp/resp.c": b"changed"})
    submission = only(tmp_path)
    assert submission.files == FILES
    assert submission.handed.notes == ("ada lies beside it, and was not looked at",)


def test_a_lone_student_cannot_hand_in_for_others(tmp_path: Path) -> None:
    lay(tmp_path / "Networks-Lab 3-991" / MOODLE, FILES)
    with pytest.raises(UsageError, match="looks like an export of moodle"):
        taken(tmp_path)
    (submission,) = taken(tmp_path, "plain")
    assert submission.student.name == "Networks-Lab 3-991"


def test_the_layout_can_be_said(tmp_path: Path) -> None:
    lay(tmp_path / MOODLE, FILES)
    (submission,) = taken(tmp_path, "plain")
    assert submission.handed.layout == "plain"
    assert submission.student.name == MOODLE


# --- the instructor's mistakes ---


@pytest.mark.parametrize("inner", ["", "assignment-7/"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [("moodle", f"{MOODLE}/work.zip"), ("canvas", "adal_1_90_work.zip"), ("gradescope", "x.yml")],
)
def test_an_export_that_is_still_packed_is_no_student(
    tmp_path: Path, kind: str, name: str, inner: str
) -> None:
    handed = {name: zipped(FILES)}
    if kind == "gradescope":
        handed = {"submission_metadata.yml": METADATA, "submission_403/work.zip": zipped(FILES)}
    packed = zipped({inner + path: data for path, data in handed.items()})
    lay(tmp_path / "alone", {"CS Lab.zip": packed})
    with pytest.raises(UsageError, match=f"looks like an export of {kind}: unpack it"):
        taken(tmp_path / "alone")
    lay(tmp_path / "both", {"CS Lab.zip": packed})
    lay(tmp_path / "both/CS Lab", handed)
    with pytest.raises(UsageError, match=f"looks like an export of {kind}: name that folder"):
        taken(tmp_path / "both")
    lay(tmp_path / "beside", handed)
    students = keys(tmp_path / "beside")
    lay(tmp_path / "beside", {"CS Lab.zip": packed})
    assert keys(tmp_path / "beside") == students


def test_files_of_the_instructor_s_are_no_students(tmp_path: Path) -> None:
    lay(tmp_path / "ada", FILES)
    lay(tmp_path / "rahman.md", FILES)
    lay(tmp_path, dict.fromkeys(("lab3.toml", "late3.csv", "sheet.docx", "Thumbs.db"), b""))
    ada, rahman = taken(tmp_path)
    assert (ada.student.name, rahman.student.name) == ("ada", "rahman.md")
    assert ada.files == rahman.files == FILES


def test_what_the_instructor_can_mend_is_said(tmp_path: Path) -> None:
    lay(tmp_path / "empty", {"grades.csv": b""})
    lay(tmp_path / "plain", {"ada.zip": zipped(FILES)})
    lay(tmp_path / "list", {"submission_metadata.yml": b"- a\n- list\n"})
    for name, layout, words in (
        ("nowhere", None, "no folder of submissions"),
        ("plain/ada.zip", None, "no folder of submissions"),
        ("empty", None, "there are no submissions"),
        ("plain", "canvas", "no name in it"),
        ("plain", "blackboard", "no layout"),
        ("list", None, "makes no sense"),
    ):
        with pytest.raises(UsageError, match=words):
            taken(tmp_path / name, layout)


# --- where the lab's files lie ---


@pytest.mark.parametrize(
    "place",
    ["", "labs/", "echo-to-raft/labs/", "a/b/c/d/", "Ada's work (final)/", "Übung 3/", "build/"],
)
def test_the_folder_is_found_at_any_place(tmp_path: Path, place: str) -> None:
    lay(tmp_path / "ada", {place + path: data for path, data in (FILES | EARLIER).items()})
    submission = only(tmp_path)
    assert submission.files == FILES | EARLIER
    assert submission.handed.missing == ()


@pytest.mark.parametrize(
    ("starter", "work"),
    [("kit/labs/", "kit/work/"), ("labs/", "final/of/mine/"), ("", "labs/"), ("LABS/", "labs/")],
)
def test_the_starter_is_not_graded_where_there_is_work(
    tmp_path: Path, starter: str, work: str
) -> None:
    given = {starter + path: data for path, data in lab_files().items()}
    lay(tmp_path / "ada", given | {work + path: data for path, data in FILES.items()})
    submission = only(tmp_path)
    assert submission.files == FILES
    taken_from = f"lab3-resp is there more than once: {work}lab3-resp was taken"
    assert submission.handed.notes == (taken_from,)


@pytest.mark.parametrize("inner", ["lab3-resp", "src"])
def test_a_folder_of_the_name_without_the_files_is_not_it(tmp_path: Path, inner: str) -> None:
    lay(tmp_path / "ada/lab3-resp", {"main.c": b"int main(void) { return 0; }\n"})
    lay(tmp_path / "ada/lab3-resp" / inner, LOOSE)
    submission = only(tmp_path)
    assert submission.files == FILES
    assert submission.handed.extra == ("lab3-resp/main.c",)


@pytest.mark.parametrize(
    "place", ["تمرین\u200cها/", "lab 👩\u200d💻/", "lab 🩷/", "\u200fעברית/", "- final -/"]
)
def test_a_folder_may_be_called_as_people_write(tmp_path: Path, place: str) -> None:
    lay(tmp_path / "علی\u200cرضا", {place + path: data for path, data in FILES.items()})
    lay(tmp_path, {"علی\u200cمحمد.zip": zipped({place + path: FILES[path] for path in FILES})})
    for submission in taken(tmp_path):
        assert submission.files == FILES, submission.handed
        assert submission.student.name in ("علی\u200cرضا", "علی\u200cمحمد")


@pytest.mark.parametrize("place", ["", "my-lab3/", "src/", "archive.zip"])
def test_loose_files_are_found(tmp_path: Path, place: str) -> None:
    handed = LOOSE | {"ring.c": b"int ring;\n", "ring.h": b""}
    files = (
        {place: zipped(handed)}
        if place.endswith("zip")
        else {place + name: data for name, data in handed.items()}
    )
    lay(tmp_path / "ada", files)
    assert only(tmp_path).files == {f"lab3-resp/{name}": data for name, data in handed.items()}


def test_loose_files_of_several_labs_go_where_they_belong(tmp_path: Path) -> None:
    loose = {path.rpartition("/")[2]: data for path, data in (FILES | EARLIER).items()}
    lay(tmp_path / "ada", loose | {"message.c": b"of lab 4"})
    submission = only(tmp_path)
    assert submission.files == FILES | EARLIER
    assert submission.handed.extra == ("message.c",)


def test_the_students_work_goes_before_starters_and_solutions(tmp_path: Path) -> None:
    mine = dict.fromkeys(FILES, b"// mine\n")
    copies = {
        f"{top}/{path}": data
        for top in ("grader/starter", "solutions")
        for path, data in FILES.items()
    }
    lay(tmp_path / "ada", copies | {f"labs/{path}": data for path, data in mine.items()})
    submission = only(tmp_path)
    assert submission.files == mine
    assert submission.handed.extra == submission.handed.notes == ()


def test_solutions_count_only_where_there_is_nothing_else(tmp_path: Path) -> None:
    copies = {f"solutions/{path}": data for path, data in FILES.items()}
    mine = {f"some/where/else/{path}": b"// mine\n" for path in FILES}
    lay(tmp_path / "ada", copies)
    lay(tmp_path / "bob", copies | mine)
    ada, bob = taken(tmp_path)
    assert (ada.files, bob.files) == (FILES, dict.fromkeys(FILES, b"// mine\n"))


def test_earlier_labs_are_those_beside_the_lab(tmp_path: Path) -> None:
    old = {f"old/{path}": b"// old\n" for path in EARLIER}
    lay(tmp_path / "ada", old | {f"a/b/{path}": data for path, data in (FILES | EARLIER).items()})
    submission = only(tmp_path)
    assert submission.files == FILES | EARLIER
    assert submission.handed.notes == (
        "lab1-echo is there more than once: a/b/lab1-echo was taken",
        "lab2-loop is there more than once: a/b/lab2-loop was taken",
    )


def test_what_is_missing_and_extra_is_said(tmp_path: Path) -> None:
    files = {path: data for path, data in FILES.items() if not path.endswith("/resp.c")}
    others = {
        "Makefile": b"all:\n\trm -rf /\n",
        "lab3-resp/kv_server": b"\x7fELF",
        "lab3-resp/conftest.py": b"",
        "lab3-resp/old/resp.c": b"",
        "lab3-resp/my notes.c": b"",
        "lab4-message/message.c": b"",
        "include/resp.h": b"",
        "lab.mk": b"",
    }
    lay(tmp_path / "ada", files | others)
    submission = only(tmp_path)
    assert submission.files == files
    assert submission.handed.missing == ("lab3-resp/resp.c", "lab1-echo/", "lab2-loop/")
    assert submission.handed.extra == (
        "Makefile",
        "lab3-resp/conftest.py",
        "lab3-resp/kv_server",
        "lab3-resp/my notes.c",
        "lab3-resp/old/resp.c",
    )


def test_a_lot_of_other_files_is_counted(tmp_path: Path) -> None:
    lay(tmp_path / "ada", FILES | {f"junk/{n}": b"" for n in range(100)})
    handed = only(tmp_path).handed
    assert len(handed.extra) == 40
    assert handed.notes == ("60 further files were left out",)


def test_starters_that_nobody_touched_are_noted(tmp_path: Path) -> None:
    given = lab_files()
    lay(tmp_path / "ada", given)
    lay(tmp_path / "bob", given | {"lab3-resp/resp.c": b"int parsed;\n"})
    ada, bob = taken(tmp_path)
    assert ada.handed.notes == ("lab3-resp is as it was given out",)
    assert bob.handed.notes == ()


def test_the_name_of_the_folder_may_differ_in_case(tmp_path: Path) -> None:
    lay(
        tmp_path / "ada",
        {path.replace(LAB.folder, "Lab3-RESP"): data for path, data in FILES.items()},
    )
    assert only(tmp_path).files == FILES
