"""The renderers: what they show is approved by eye once (``approved/``), and hostile text stays
text everywhere.

``UPDATE_APPROVED=1 pytest …`` writes the approved copies anew; look at their diff before you commit
it.
"""

from __future__ import annotations

import difflib
import errno
import io
import json
import os
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from jsonschema import Draft202012Validator, ValidationError
from rich.console import Console

from grader.labs.hints import Hint
from grader.labs.stage import Stage
from grader.report import html, junit, terminal, write
from grader.report.escape import one_line, tail, visible
from grader.report.model import ByteDiff, Failure, LabResult, StageResult
from grader.selftest import picture
from grader.selftest.samples import HOSTILE, SAMPLES, all_passed, every_kind, hostile
from grader.selftest.test_report_html import Page
from grader.verdicts import Verdict
from grader.wire.diff import ROW, caption, difference, hex_bytes, rows

HERE = Path(__file__).resolve().parent
SCHEMA = json.loads((HERE.parent / "report" / "schema.json").read_text(encoding="utf-8"))
OUT = Path("/home/student/out")

each_sample = pytest.mark.parametrize("name", SAMPLES)


def approve(name: str, text: str) -> None:
    """Compares with the approved copy; writes it where UPDATE_APPROVED is set."""
    path = HERE / "approved" / name
    if os.environ.get("UPDATE_APPROVED"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    approved = path.read_text(encoding="utf-8") if path.exists() else ""
    if text != approved:
        lines = difflib.unified_diff(
            approved.splitlines(), text.splitlines(), f"approved/{name}", "now", lineterm=""
        )
        pytest.fail("\n".join(lines), pytrace=False)


def shown(draw: Callable[[Console], object], width: int = 100, **options: Any) -> str:
    """What ``draw`` prints on a console without colours."""
    file = io.StringIO()
    draw(Console(file=file, width=width, color_system=None, _environ={}, **options))
    return file.getvalue()


def draw_lab(console: Console, result: LabResult) -> None:
    """All that the terminal ever shows of a lab."""
    stages = [
        Stage(s.id, s.title, int(s.max_points), "x", extension=s.extension) for s in result.stages
    ]
    with terminal.PlainReporter(stages, console) as reporter:
        for stage, outcome in zip(stages, result.stages, strict=True):
            reporter.begin(stage)
            reporter.done(outcome)
    terminal.print_cards(console, result.stages)
    terminal.print_summary(console, result, OUT)


def json_of(result: LabResult, out: Path) -> str:
    write.write([result], out)
    return (out / f"lab{result.lab}.json").read_text(encoding="utf-8")


def validate(data: Any) -> None:
    Draft202012Validator(SCHEMA).validate(data)


# Approved output


@each_sample
@pytest.mark.parametrize("width", [100, 80])
def test_terminal_is_as_approved(name: str, width: int) -> None:
    approve(f"{name}.{width}.txt", shown(lambda console: draw_lab(console, SAMPLES[name]()), width))


@each_sample
def test_html_is_as_approved(name: str) -> None:
    approve(f"{name}.html", html.render([SAMPLES[name]()]))


def test_html_of_several_labs_is_as_approved() -> None:
    approve("grade.html", html.render([every_kind(), all_passed()]))


@each_sample
def test_junit_is_as_approved(name: str) -> None:
    approve(f"{name}.junit.xml", junit.render(SAMPLES[name]()))


@each_sample
def test_json_is_as_approved(name: str, tmp_path: Path) -> None:
    approve(f"{name}.json", json_of(SAMPLES[name](), tmp_path))


def test_grade_in_the_terminal_is_as_approved() -> None:
    approve(
        "grade.100.txt",
        shown(lambda console: terminal.print_grade(console, [every_kind(), all_passed()], OUT)),
    )


@pytest.mark.parametrize("tier", [1, 2, 3])
def test_hint_is_as_approved(tier: int) -> None:
    stage = Stage("1.4", "Any fragmentation", 8, "lab1#stream", source="RFC 9293, section 3.7")
    hint = Hint(
        "How many bytes may one recv() return?",
        "A [short] read is taken for the whole.",
        "Loop until all is there.",
    )
    approve(
        f"hint.{tier}.txt",
        shown(lambda console: terminal.print_hint(console, stage, hint, tier), 80),
    )


# JSON


@each_sample
def test_json_obeys_the_schema_and_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    data = json.loads(json_of(SAMPLES[name](), tmp_path))
    validate(data)
    assert LabResult.from_json(data).to_json() == data


def test_schema_is_a_schema_and_allows_what_simulated_stages_add() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    data = all_passed().to_json()
    data["stages"][0] |= {"schedules": 200, "events": 81_000, "virtual_s": 12.5}
    validate(data)


def _without_failure(data: Any) -> None:
    del data["stages"][1]["failure"]


def _with_control(data: Any) -> None:
    data["stages"][1]["failure"]["stderr"] = "\x1b[31m"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.update(more=1),
        lambda data: data.pop("seed"),
        lambda data: data.update(isolation="none"),
        lambda data: data["stages"][0].update(verdict="OK"),
        lambda data: data["stages"][0].update(points=-1),
        lambda data: data["stages"][1]["failure"].update(secret="x"),
        lambda data: data["stages"][1]["failure"]["diff"].update(expected="zz"),
        _without_failure,
        _with_control,
    ],
)
def test_schema_is_strict(spoil: Callable[[Any], object]) -> None:
    data = every_kind().to_json()
    for stage in data["stages"]:
        stage["note"] = visible(stage["note"])
    validate(data)
    spoil(data)
    with pytest.raises(ValidationError):
        validate(data)


# Files


def test_write_makes_every_file_for_several_labs(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    write.write([every_kind(), all_passed()], out, grade=True)
    assert {path.name for path in out.iterdir()} == {
        "lab1.json",
        "lab2.json",
        "grade.json",
        "report.html",
        "junit.xml",
    }
    grade = json.loads((out / "grade.json").read_text(encoding="utf-8"))
    assert (grade["points"], grade["max_points"], len(grade["labs"])) == (108, 194, 2)
    assert [
        lab == json.loads((out / f"lab{lab['lab']}.json").read_text()) for lab in grade["labs"]
    ] == [True, True]
    assert len(ET.parse(out / "junit.xml").findall("testsuite")) == 2


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    write.write([all_passed()], tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((os, "fsync", full) if call == "fsync" else (Path, "replace", full)))
    changed = all_passed()
    changed.seed += 1
    with pytest.raises(OSError, match="No space left"):
        write.write([changed], tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


# Hostile text


def assert_safe(text: str, keep: str = "\n\t") -> None:
    """No control, no hidden format character, and nothing that is not UTF-8."""
    text.encode("utf-8")
    bad = {
        c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    } - set(keep)
    assert not bad, sorted(map(ascii, bad))


def assert_all_safe(result: LabResult, out: Path) -> None:
    """Every renderer's output is what it claims to be, and shows no control character."""
    text = shown(lambda console: draw_lab(console, result))
    assert_safe(text)
    document = junit.render(result)
    assert_safe(document)
    ET.fromstring(document)
    page = html.render([result])
    assert_safe(page)
    assert len(Page(page).metas) == 5
    data = json_of(result, out)
    assert_safe(data)
    validate(json.loads(data))
    assert_safe(shown(lambda console: draw_lab(console, result), 100, force_terminal=True))


def result_with(text: str) -> LabResult:
    """A failure and a grader's error that consist of this text."""
    diff = difference(
        text.encode("utf-8", "surrogateescape") + b"x", b"", "the connection was closed"
    )
    assert diff is not None
    drawn = ByteDiff(
        0, 0, hex_bytes(diff.expected), "", diff.expected_size, 0, caption(diff), rows(diff)
    )
    failure = Failure(
        text,
        text,
        "lab1#stream",
        text,
        [text, text],
        drawn,
        "",
        text,
        text,
        text,
        text,
        text,
        text,
        text,
        text,
    )
    result = LabResult(1, text, 1, "limits", text, text)
    result.stages = [
        StageResult("1.1", text, Verdict.CRASH, 0, 8, False, failure=failure, note=text),
        StageResult("1.2", text, Verdict.GRADER_ERROR, 0, 8, False, note=text),
        StageResult("1.3", text, Verdict.SKIPPED, 0, 8, True, note=text),
    ]
    return result


HOSTILE_BYTES = some.lists(
    some.binary(max_size=20)
    | some.text(max_size=10).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | some.sampled_from(
        [*HOSTILE.split(b" "), b"\x9b31m", b"\xc2\x9b31m", b"</pre>", b"</style>", b"{{x}}", b"\r"]
    ),
    max_size=8,
).map(b"".join)
thorough = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@thorough
@given(data=HOSTILE_BYTES)
def test_hostile_bytes_stay_text_everywhere(tmp_path: Path, data: bytes) -> None:
    assert_all_safe(result_with(visible(data)), tmp_path)


@thorough
@given(data=HOSTILE_BYTES)
def test_text_that_nobody_escaped_is_escaped_by_every_renderer(tmp_path: Path, data: bytes) -> None:
    """A folder's name, or an exception of the grader's own."""
    assert_all_safe(result_with(data.decode("utf-8", "surrogateescape")), tmp_path)


@settings(max_examples=500, deadline=None)
@given(data=HOSTILE_BYTES)
def test_escape_is_safe_and_done_once(data: bytes) -> None:
    text = visible(data)
    assert_safe(text)
    assert visible(text) == text
    assert_safe(one_line(data), keep="")
    assert len(one_line(data)) <= 120
    assert_safe(tail(text, 3))


def test_hostile_sample_is_safe_everywhere(tmp_path: Path) -> None:
    assert_all_safe(hostile(), tmp_path)


def not_built(output: str, id: str) -> StageResult:
    """A stage whose program the compiler refused with these words."""
    stage = next(stage for stage in every_kind().stages if stage.verdict is Verdict.BUILD)
    assert stage.failure is not None
    failure = replace(stage.failure, output=output, summary=f"{id} does not compile", checks=id)
    return replace(stage, id=id, failure=failure)


def test_stages_that_the_same_words_of_the_compiler_stopped_share_a_card() -> None:
    result, ids = all_passed(), [f"1.{n}" for n in range(1, 8)]
    words = dict.fromkeys(ids, "net.c:1: error\nlog.c:2: error")
    words[ids[1]] = "log.c:2: error\nnet.c:1: error"  # the files in another order
    words[ids[3]] = "echo.c:3: error"
    result.stages = [not_built(words[id], id) for id in ids]
    text = shown(lambda console: terminal.print_cards(console, result.stages))
    assert "BUILD  1.1 to 1.3, 1.5 to 1.7  does not compile\n" in text
    assert text.count("net.c:1: error") == text.count("echo.c:3: error") == 1
    assert text.count("What it checks") == 1  # of the one that stands alone
    page = html.render([result])
    assert page.count("net.c:1: error") == page.count("echo.c:3: error") == 1
    assert '<span class="id">1.1 to 1.3, 1.5 to 1.7</span> does not compile' in page
    assert {f"stage-{id}" for id in ids} <= set(Page(page).ids)  # each has a link to its card


def test_the_grader_tells_its_trouble_once() -> None:
    stage = next(s for s in every_kind().stages if s.verdict is Verdict.GRADER_ERROR)
    stages = [replace(stage, id=id) for id in ("1.1", "1.2")] + [replace(stage, note="another")]
    text = shown(lambda console: terminal.print_cards(console, stages))
    assert "GRADER-ERROR  1.1 and 1.2  not judged\n" in text
    assert text.count("What happened") == 2


def test_a_program_cannot_speak_in_the_graders_place() -> None:
    """Each line that a program printed stands behind a bar, wherever it is broken."""
    lines = shown(
        lambda console: terminal._print_program(console, "x" * 300 + "\n1.1  PASS  8/8"), 80
    ).splitlines()
    assert [line[:6] for line in lines if line] == ["    │ "] * 6


def test_a_terminal_without_unicode_gets_ascii() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=file, width=100, color_system=None, _environ={})
    for result in (every_kind(), hostile()):
        draw_lab(console, result)
    file.flush()


# The terminal


@pytest.mark.parametrize("height", [6, 12, 24, 60])
def test_live_table_fits_the_terminal_and_ends_complete(height: int) -> None:
    stages = [
        Stage(f"1.{n}", f"Stage number {n} " + "with a long title " * (n % 4), 5, "lab1#x")
        for n in range(1, 21)
    ]
    file = io.StringIO()
    console = Console(
        file=file, width=80, height=height, force_terminal=True, color_system=None, _environ={}
    )
    with terminal.LiveReporter(stages, console) as reporter:
        for stage in stages:
            reporter.begin(stage)
            assert shown(lambda c: c.print(reporter._window()), 80).count("\n") <= max(
                3, height - 2
            )
            assert "running" in shown(lambda c: c.print(reporter._window()), 80)
            skipped = stage.id in ("1.19", "1.20")
            verdict = Verdict.SKIPPED if skipped else Verdict.PASS
            reporter.done(
                StageResult(
                    stage.id, stage.title, verdict, 5, 5, False, note="behind" if skipped else ""
                )
            )
    last = file.getvalue().rpartition("\x1b[2K")[2].splitlines()
    assert [line.split()[:2] for line in last if "PASS" in line] == [
        [f"1.{n}", "PASS"] for n in range(1, 19)
    ]
    assert max(map(len, last)) <= 80
    assert any(line.endswith("1.19 and 1.20 skipped: behind") for line in last)


@pytest.mark.parametrize("width", [60, 80, 100, 160])
@each_sample
def test_byte_rows_are_never_wrapped(name: str, width: int) -> None:
    for line in shown(lambda console: draw_lab(console, SAMPLES[name]()), width).splitlines():
        if re.match(r" +([0-9a-f]{8}  expected|received)  ", line):
            assert len(line) <= width
            assert "…" not in line


@settings(max_examples=200, deadline=None)
@given(
    expected=some.binary(max_size=80),
    at=some.integers(0, 80),
    received=some.binary(max_size=60),
    row=some.sampled_from([8, ROW]),
)
def test_the_caret_stands_under_the_first_wrong_byte(
    expected: bytes, at: int, received: bytes, row: int
) -> None:
    diff = difference(expected, expected[:at] + received, base=32)
    if diff is None:
        return
    lines = rows(diff, row)
    place = next(n for n, line in enumerate(lines) if line.strip() == "^^")
    column = lines[place].index("^^")
    wanted, came = (line[column : column + 2].strip() for line in lines[place - 2 : place])
    number = diff.offset - 32
    assert wanted == (f"{expected[number]:02x}" if number < len(expected) else "")
    assert wanted != came
    assert max(map(len, lines)) <= 20 + 4 * row + 1


def test_the_picture_in_the_readme_is_what_the_terminal_shows() -> None:
    assert picture.PATH.read_text(encoding="utf-8") == picture.draw(), (
        "python -m grader.selftest.picture --write"
    )
