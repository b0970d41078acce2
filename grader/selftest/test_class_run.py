"""A run of class mode as its user sees it: what is done, what is said, and the exit status. The
gradings are stubs, and Dask's worker is a thread here; ``test_class_workers`` has real ones.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import Client
from rich.console import Console

from grader.classroom import __main__ as commands
from grader.classroom import dispatch
from grader.classroom.folder import Folder
from grader.classroom.model import Entry
from grader.classroom.options import Call
from grader.classroom.run import Run
from grader.errors import UsageError
from grader.report.model import Points
from grader.selftest import class_stubs


class Class(class_stubs.Class):
    """One that is run in this process."""

    def take_back(self, key: str) -> None:
        (self.folder / "submissions" / key).unlink()

    def run(self, **options: object) -> tuple[int, str]:
        """The exit status, and what was said."""
        call = Call(self.folder / "submissions", 4, self.folder / "out", unsafe=True)
        said = Console(file=io.StringIO(), width=200)
        run = Run(replace(call, **options), said, class_stubs.take, class_stubs.grade)  # type: ignore[arg-type]
        status = run.all()
        assert isinstance(said.file, io.StringIO)
        return status, said.file.getvalue()

    def points(self, key: str) -> Points:
        found = self.entry(key).result
        assert found is not None
        return found.points

    def exported(self) -> list[str]:
        lines = (self.folder / "out" / "grades.csv").read_text().splitlines()[1:]
        return [line.partition(",")[0].strip('"') for line in lines]

    def finals(self) -> dict[str, str]:
        with (self.folder / "out" / "grades.csv").open() as file:
            return {row["key"]: row["final"] for row in csv.DictReader(file)}


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Class:
    monkeypatch.setattr(dispatch, "local_cluster", _cluster_in_this_process)
    return Class(tmp_path)


@contextmanager
def _cluster_in_this_process(workers: int | None) -> Iterator[Client]:
    with class_stubs.cluster() as cluster, Client(cluster) as client:
        yield client


def no_cluster(workers: int | None) -> Client:
    raise AssertionError("there is nothing to grade")


def test_a_class_is_graded_and_exported(course: Class) -> None:
    course.hand_in(anna="60", bert="0", cleo="refuse it is empty")
    status, said = course.run()
    assert status == 0
    assert (course.points("anna"), course.points("bert")) == (60, 0)
    assert course.exported() == ["anna", "bert", "cleo"]
    assert "3 submissions: 0 done, 3 to grade" in said
    out = course.folder / "out"
    assert f"written in {out}: class.html, grades.csv, and a folder for each student" in said
    assert "2 graded, 1 refused, 0 quarantined" in said and "it is empty" in said
    anna = out / "students/anna"
    assert (anna / "traces/lab4-4.2.jsonl").read_text() == "trace of anna"


def test_a_finished_run_grades_nothing_and_exports_again(
    course: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.hand_in(anna="60", bert="raise", cleo="refuse it is empty")
    course.run()
    (course.folder / "out/grades.csv").unlink()
    monkeypatch.setattr(dispatch, "local_cluster", no_cluster)
    status, said = course.run()
    assert status == 1  # there is still one in quarantine
    assert "3 submissions: 3 done, nothing to grade" in said
    assert course.exported() == ["anna", "bert", "cleo"]


def test_what_breaks_the_grading_is_quarantined_and_the_rest_go_on(course: Class) -> None:
    course.hand_in(anna="raise", bert="60")
    status, said = course.run()
    assert status == 1 and course.points("bert") == 60
    assert "RuntimeError: the grading broke" in course.entry("anna").story
    story = course.folder / "out/quarantine/anna"
    assert "class_stubs.py" in (story / "story.txt").read_text()
    assert (story / "submission.tar.gz").stat().st_size > 0
    assert f"{story}: RuntimeError: the grading broke" in said


def test_quarantined_ones_are_tried_again_on_demand(course: Class) -> None:
    course.hand_in(anna=f"raise-once {course.folder / 'raised'}")
    assert course.run()[0] == 1
    assert "nothing to grade" in course.run()[1]
    status, said = course.run(retry=True)
    assert status == 0 and "0 done, 1 to grade" in said
    assert not (course.folder / "out/quarantine/anna").exists()


def test_what_has_no_result_to_lose_is_graded_when_it_is_handed_in_anew(course: Class) -> None:
    course.hand_in(anna="raise", bert="refuse it is empty", cleo="refuse it is empty")
    course.run()
    course.hand_in(anna="40", bert="30", cleo="refuse it is too large")
    assert course.run()[0] == 0
    assert (course.points("anna"), course.points("bert")) == (40, 30)
    assert course.entry("cleo").handed.refused == "it is too large"


def test_new_ones_are_graded_and_changed_ones_kept(course: Class) -> None:
    course.hand_in(anna="60", bert="50")
    course.run()
    course.hand_in(anna="10", cleo="30")
    _, said = course.run()
    assert (course.points("anna"), course.points("cleo")) == (60, 30)
    assert "3 submissions: 2 done, 1 to grade" in said
    assert "1 handed in anew since, 0 graded by another grader" in said
    assert "ONLY_CHANGED=1 (--only-changed) grades them again" in said


def test_only_changed_shows_before_and_after(course: Class) -> None:
    course.hand_in(anna="60", bert="50", cleo="raise")
    course.run()
    course.hand_in(anna="0", cleo="20")
    _, said = course.run(only_changed=True)
    assert course.points("anna") == 0
    rows = [line.split() for line in said.splitlines()]
    assert ["anna", "60/100", "0/100", "4.1", "PASS", "→", "WRONG"] in rows
    assert [row[:3] for row in rows if row[:1] == ["cleo"]] == [["cleo", "quarantined", "20/100"]]
    assert "2 graded again, 2 with another outcome" in said
    assert "graded again" not in course.run(only_changed=True)[1]


def test_before_survives_an_interrupted_run(course: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    course.hand_in(anna="60", bert="50")
    course.run()
    course.hand_in(anna="10", bert="20")
    store = Folder.store

    def once(folder: Folder, entry: Entry, files: dict[str, bytes]) -> None:
        store(folder, entry, files)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "store", once)
        assert course.run(only_changed=True)[0] == 2
    course.hand_in(anna="30")
    _, said = course.run(only_changed=True)
    assert "2 graded again, 2 with another outcome" in said
    assert ["anna", "60/100", "30/100"] in [line.split() for line in said.splitlines()]


def test_another_grader_counts_as_a_change(course: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    course.hand_in(anna="60", bert="raise")
    course.run()
    facts = dispatch.facts
    monkeypatch.setattr(dispatch, "facts", lambda order: replace(facts(order), grader="another"))
    _, said = course.run()
    assert "0 handed in anew since, 1 graded by another grader" in said
    # bert has no result to lose, so he is tried; the worker sees that the stamps differ.
    assert "MachineError" in course.entry("bert").story


def test_who_is_gone_is_told_and_not_exported(course: Class) -> None:
    course.hand_in(anna="60", bert="50")
    course.run()
    course.take_back("bert")
    _, said = course.run()
    assert "left out of the exports: bert" in said
    assert course.exported() == ["anna"]
    assert course.points("bert") == 50  # kept: he may come back


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"seed": 8}, "seed 7, and now it is 8: name another OUT=, or the same SEED="),
        ({"seed_per_student": True}, "seed_per_student False"),
        ({"layout": "moodle"}, "layout None, and now it is moodle"),
        ({"lab": 3}, "lab 4, and now it is 3"),
        ({"unsafe": False}, "unsafe True"),
    ],
    ids=str,
)
def test_other_options_on_one_out_are_refused(
    course: Class, options: dict[str, object], named: str
) -> None:
    course.hand_in(anna="60")
    course.run(seed=7)
    with pytest.raises(UsageError, match=named):
        course.run(**options)


def test_a_seed_that_is_not_given_is_drawn_once(course: Class) -> None:
    course.hand_in(anna="60")
    course.run()
    noted = json.loads((course.folder / "out/run.json").read_text())["seed"]
    assert course.entry("anna").stamp.seed == noted
    assert "nothing to grade" in course.run()[1]
    assert "nothing to grade" in course.run(seed=noted)[1]


def test_each_student_has_a_seed_of_their_own_on_demand(course: Class) -> None:
    course.hand_in(anna="60", bert="60")
    course.run(seed=7, seed_per_student=True)
    seeds = {course.entry(key).stamp.seed for key in ("anna", "bert")}
    assert len(seeds | {7}) == 3


def test_a_second_run_on_one_out_is_refused(course: Class) -> None:
    course.hand_in(anna="60")
    with Folder.opened(course.folder / "out"):
        with pytest.raises(UsageError, match="another run is at work there"):
            course.run()
    assert course.run()[0] == 0


def test_exports_are_written_again_with_another_policy(course: Class) -> None:
    course.hand_in(anna="60", bert="50", cleo="raise")
    course.run()
    course.take_back("bert")
    course.run()
    policy = course.folder / "policy.toml"
    policy.write_text('[points]\n"4.1" = 3\n')
    assert commands.main(["report", str(course.folder / "out"), "--policy", str(policy)]) == 1
    assert course.exported() == ["anna", "cleo"]
    assert '"graded",3,' in (course.folder / "out/grades.csv").read_text()
    assert commands.main(["report", str(course.folder)]) == 2


def test_the_policy_that_was_given_last_holds(course: Class) -> None:
    course.hand_in(anna="60")
    grades, policy = course.folder / "out/grades.csv", course.folder / "policy.toml"
    policy.write_text('[points]\n"4.1" = 3\n')
    course.run(policy=policy)
    first = grades.read_text()
    policy.unlink()
    course.run()
    assert grades.read_text() == first
    policy.write_text("")
    assert commands.main(["report", str(course.folder / "out"), "--policy", str(policy)]) == 0
    assert grades.read_text() != first


def with_late_days(course: Class, late: str) -> dict[str, object]:
    """Options: 10 % a day."""
    policy, file = course.folder / "policy.toml", course.folder / "late.csv"
    policy.write_text("[late]\ndue = 2026-10-12T23:59:00+02:00\ndays = 3\npercent = 10\n")
    file.write_text(f"student,late\n{late}")
    return {"policy": policy, "late": file}


def test_lateness_that_the_export_does_not_tell_is_told_once(course: Class) -> None:
    course.hand_in(anna="60", bert="50", cleo="40")
    options = with_late_days(course, "Anna,2026-10-13T12:00:00+02:00\nbert,2\n")
    course.run(**options)
    assert course.finals() == {"anna": "7.2", "bert": "6.4", "cleo": "8"}
    course.run()
    report = ["report", str(course.folder / "out")]
    assert commands.main(report) == 0
    assert course.finals() == {"anna": "7.2", "bert": "6.4", "cleo": "8"}
    with_late_days(course, "bert,3\n")
    assert commands.main([*report, "--late", str(options["late"])]) == 0
    assert course.finals() == {"anna": "8", "bert": "5.6", "cleo": "8"}


def test_a_file_of_lateness_that_names_a_stranger_stops_all(
    course: Class, capsys: pytest.CaptureFixture[str]
) -> None:
    course.hand_in(anna="60")
    options = with_late_days(course, "Anna,1\nDora,1\n")
    with pytest.raises(UsageError, match="line 3: there is no student 'Dora'"):
        course.run(**options)
    assert Folder(course.folder / "out").known() == []
    course.run()
    out, file = course.folder / "out", options["late"]
    assert commands.main(["report", str(out), "--late", str(file)]) == 2
    assert "there is no student 'Dora'" in capsys.readouterr().err
    assert not (out / "late.csv").exists() and course.finals() == {"anna": "8"}


def test_a_policy_with_another_tier_of_hints_is_refused(course: Class) -> None:
    course.hand_in(anna="60")
    course.run()
    policy = course.folder / "policy.toml"
    policy.write_text("[hints]\nhighest_tier = 2\n")
    with pytest.raises(UsageError, match="or the same POLICY="):
        course.run(policy=policy)
    assert commands.main(["report", str(course.folder / "out"), "--policy", str(policy)]) == 2
    assert course.run()[0] == 0


def test_no_isolation_leaves_nothing_behind(course: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the same call with --unsafe is not one with other options."""
    course.hand_in(anna="60")
    monkeypatch.setattr("grader.classroom.stamps._why_not_namespaces", lambda: "none here")
    with pytest.raises(UsageError, match="no isolation on this machine"):
        course.run(unsafe=False)
    assert not (course.folder / "out").exists()
    assert course.run(unsafe=True)[0] == 0
    assert course.entry("anna").stamp.isolation == "limits"
