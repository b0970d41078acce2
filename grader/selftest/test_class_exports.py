"""What a class's outcomes become: each file as its reader expects it, whatever the names in it."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from grader.classroom.exports import (
    OF_A_STUDENT,
    OF_THE_CLASS,
    autolab,
    github,
    gradescope,
    result,
    student,
    write_all,
)
from grader.classroom.model import Entry, Status
from grader.classroom.policy import Late, Policy
from grader.report import html
from grader.report.model import LabResult
from grader.selftest import class_samples as samples
from grader.selftest import class_strategies as strategies
from grader.selftest.samples import HOSTILE
from grader.verdicts import Verdict

SCHEMAS = Path(gradescope.__file__).with_name("schemas")
LAB_SCHEMA = json.loads(Path(html.__file__).with_name("schema.json").read_text(encoding="utf-8"))
REGISTRY: Registry[Any] = Registry().with_resource(
    LAB_SCHEMA["$id"], Resource.from_contents(LAB_SCHEMA)
)
ADA = samples.student("Ada Lovelace", 1)
MIXED = samples.entry(ADA, samples.result_of({"3.4": Verdict.WRONG, "3.14": Verdict.PASS}))
STOPPED = samples.entry(ADA, samples.result_of({"3.4": Verdict.CRASH}, stop=True))
PERFECT = samples.entry(ADA, samples.result_of({}))
REFUSED = samples.entry(ADA, None, Status.REFUSED, refused="no file of lab 3 in /tmp/in/ada")
BROKEN = samples.entry(ADA, None, Status.QUARANTINED, story="/home/me/grader: broken")
LATE = Policy(late=Late(samples.DUE, 3, Decimal(10)))
thorough = settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def validate(name: str, text: str) -> dict[str, Any]:
    """The JSON, which must be as its schema says."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    data: dict[str, Any] = json.loads(text)
    Draft202012Validator(schema, registry=REGISTRY).validate(data)
    return data


# All of them


@thorough
@given(strategies.entries())
def test_an_entry_survives_its_file(entry: Entry) -> None:
    assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


@thorough
@given(strategies.entries(), strategies.POLICIES)
def test_every_entry_has_all_its_files(entry: Entry, policy: Policy) -> None:
    for render in OF_A_STUDENT.values():
        render(entry, policy).encode()
    for render_class in OF_THE_CLASS.values():
        render_class([entry], policy).encode()
    validate("result", result.render(entry, policy))
    validate("autolab", autolab.render(entry, policy))
    validate("github-classroom", github.render(entry, policy))
    if "score" in gradescope.render(entry, policy):
        validate("gradescope", gradescope.render(entry, policy))


def test_all_files_are_written_and_named(tmp_path: Path) -> None:
    entries = samples.a_class()
    written = write_all(tmp_path, entries, Policy())
    assert len(written) == len(set(written)) == 5 * len(entries) + 4
    assert sorted(written) == sorted(path for path in tmp_path.rglob("*") if path.is_file())


def test_a_key_that_is_no_folder_name_writes_nothing_outside(tmp_path: Path) -> None:
    strange = replace(PERFECT, student=replace(ADA, key="../../ada"))
    with pytest.raises(ValueError, match="no key"):
        write_all(tmp_path / "out", [strange], Policy())
    assert not list(tmp_path.rglob("*.html"))


# For platforms


@pytest.mark.parametrize("entry", [MIXED, STOPPED, PERFECT, REFUSED, BROKEN])
def test_result_has_a_schema(entry: Entry) -> None:
    data = validate("result", result.render(entry, LATE))
    assert data["student"]["key"] == ADA.key and data["stamp"]["seed"] == 7


def test_the_schemas_can_fail() -> None:
    for name, render in (
        ("result", result.render),
        ("gradescope", gradescope.render),
        ("autolab", autolab.render),
        ("github-classroom", github.render),
    ):
        data = json.loads(render(MIXED, Policy()))
        with pytest.raises(ValidationError):
            validate(name, json.dumps(data | {"more": 1}))
        del data[{"result": "stamp", "gradescope": "score", "autolab": "scores"}.get(name, "tests")]
        if name == "gradescope":
            del data["tests"][0]["score"]
        with pytest.raises(ValidationError):
            validate(name, json.dumps(data))


@pytest.mark.parametrize("entry", [MIXED, STOPPED, PERFECT, REFUSED])
def test_gradescope_s_results(entry: Entry) -> None:
    data = validate("gradescope", gradescope.render(entry, Policy()))
    assert data["score"] == sum(test["score"] for test in data["tests"])
    assert sum(test["max_score"] for test in data["tests"]) == 100
    formats = [test["output_format"] for test in data["tests"]] + [data["output_format"]]
    assert set(formats) == {"text"}  # what students print is neither HTML nor Markdown


def test_gradescope_s_score_has_late_days_taken_off() -> None:
    late = samples.entry(ADA, PERFECT.result, at=samples.DUE + timedelta(hours=1))
    data = json.loads(gradescope.render(late, LATE))
    assert data["score"] == 90 and "1 day late" in data["output"]


def test_gradescope_gets_no_score_of_what_was_not_judged() -> None:
    data = json.loads(gradescope.render(BROKEN, Policy()))
    assert "score" not in data and "tests" not in data and data["output"] == student.NOT_JUDGED


def test_autolab_s_line() -> None:
    text = autolab.render(MIXED, Policy())
    assert text.count("\n") == 1 and text.endswith("\n")
    scores = validate("autolab", text)["scores"]
    assert scores["3.3"] == 8 and scores["3.4"] == 0 and "3.14" not in scores
    board = validate("autolab", autolab.render(MIXED, Policy(), scoreboard=True))["scoreboard"]
    assert board == [*scores.values(), 92]


def test_autolab_scores_nothing_that_was_not_judged() -> None:
    assert json.loads(autolab.render(BROKEN, Policy(), scoreboard=True)) == {"scores": {}}
    half = samples.entry(ADA, samples.result_of({"3.4": Verdict.GRADER_ERROR}))
    assert "3.4" not in json.loads(autolab.render(half, Policy()))["scores"]


@pytest.mark.parametrize(
    ("entry", "status", "points"),
    [(MIXED, "fail", 92), (STOPPED, "fail", 26), (PERFECT, "pass", 100), (REFUSED, "fail", 0)],
)
def test_github_classroom_s_result(entry: Entry, status: str, points: int) -> None:
    data = validate("github-classroom", github.render(entry, Policy()))
    assert (data["status"], data["max_score"]) == (status, 100)
    assert sum(test["score"] for test in data["tests"]) == points
    assert json.loads(b64decode(github.output(entry, Policy()))) == data


def test_github_classroom_fails_nobody_for_a_bonus() -> None:
    entry = samples.entry(ADA, samples.result_of({"3.14": Verdict.WRONG}))
    text = github.render(entry, Policy({"3.14": Decimal(5)}))
    assert validate("github-classroom", text)["status"] == "pass"


def test_github_classroom_reports_nothing_that_was_not_judged() -> None:
    """src/notify-classroom.js of the reporter: it returns where max_score is 0."""
    data = validate("github-classroom", github.render(BROKEN, Policy()))
    assert (data["status"], data["max_score"]) == ("error", 0)


def wild(change: Callable[[str], str] = str) -> Entry:
    """One whose card has what does harm elsewhere."""
    text = change(HOSTILE.decode(errors="surrogateescape"))
    outcome = samples.result_of({"3.4": Verdict.WRONG})
    failure = outcome.stages[3].failure
    assert failure is not None
    outcome.stages[3].failure = replace(failure, summary=text, stderr=text, diagnosis=text)
    return samples.entry(replace(ADA, name=text), outcome)


def test_github_s_log_sees_no_command_in_a_message() -> None:
    entry = wild(lambda text: "::error::x\n::add-mask::y\n##[error]z " + text)
    for test in json.loads(github.render(entry, Policy()))["tests"]:
        message = test["message"] or ""
        assert "\n" not in message and "::" not in message and "##[" not in message


@thorough
@given(strategies.entries(), strategies.POLICIES)
def test_results_for_the_student_name_no_folder_of_the_machine(
    entry: Entry, policy: Policy
) -> None:
    place = "/home/teacher/spring"
    if entry.result:
        for stage in entry.result.stages:
            if stage.failure:
                stage.failure = replace(
                    stage.failure, summary=f"in {place}/a.c:7", trace=f"{place}/x.jsonl"
                )
    for render in OF_A_STUDENT.values():
        assert place not in render(entry, policy)


def test_a_result_is_a_lab_result() -> None:
    data = json.loads(result.render(MIXED, Policy()))
    assert LabResult.from_json(data["result"]).points == 92
