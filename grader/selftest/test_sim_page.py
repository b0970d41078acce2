"""Simulated runs as a page, in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grader.report import card
from grader.selftest import test_report_html
from grader.selftest.browser import Browser, browse, chromium
from grader.selftest.harness import require
from grader.selftest.toy_runs import HOSTILE, broken_run, long_run, played, replicating
from grader.sim import page
from grader.sim.run import Run
from grader.sim.story import tell
from grader.verdicts import StageFailure
from grader.wire import annotate
from grader.wire.messages import RequestVote, encode


def test_the_page_has_no_address_but_its_own_and_its_policy_names_its_parts() -> None:
    text = page.render(replicating(), stage=HOSTILE)
    style, data, script = re.findall(r"<(?:style|script)[^>]*>(.*?)</(?:style|script)>", text, re.S)
    assert not re.search(r'(src|href|action)="(?!#)', text)
    assert not re.search(r"url\(|@import|innerHTML|outerHTML|insertAdjacent", style + script)
    assert not set("<>&") & set(data)
    for part in (style, script):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"sha256-{digest}" in text


def test_what_is_too_large_for_a_file_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt: Any = SimpleNamespace(
        stage=SimpleNamespace(lab="6", id="6.6"),
        seed=1,
        builder=SimpleNamespace(work=tmp_path, borrowed=()),
        world=SimpleNamespace(events=[]),
    )
    failure = StageFailure("it fails", run=broken_run())
    trace, shown = tmp_path / "lab6-6.6.jsonl", tmp_path / "lab6-6.6.html"

    def record() -> tuple[int, bool]:
        files = card._record(attempt, failure, tmp_path)
        assert ("page" in files) == shown.exists()
        return len(trace.read_text().splitlines()), shown.exists()

    whole = 1 + len(broken_run().inputs)
    assert record() == (whole, True)
    monkeypatch.setattr(card, "_LARGEST_OF_A_PAGE", 100)
    assert record() == (whole, False)
    monkeypatch.setattr(card, "_LARGEST_TRACE", 100)
    assert record() == (1, False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_contrast_enough(scheme: str) -> None:
    """WCAG 2.2, 1.4.3, level AA: 4.5 to 1."""
    style = (Path(page.__file__).parent / "web" / "page.css").read_text(encoding="utf-8")
    light, _, dark = style.partition("prefers-color-scheme: dark")
    part = light if scheme == "light" else dark.partition("* {")[0]
    colours = dict(re.findall(r"--([a-z-]+\d?): (#[0-9a-f]{6});", part))
    for ink in ("ink", "quiet", "link", "pass", "fail", "error"):
        for ground in ("paper", "card", "sunk", "chosen"):
            assert test_report_html.contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for ink in ("ink", "quiet", "link", "fail"):
        assert test_report_html.contrast(colours[ink], colours["fail-soft"]) >= 4.5, ink


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = chromium()
    require("browser", program is not None)
    assert program is not None
    with browse(program, tmp_path_factory.mktemp("profile")) as some:
        yield some


def opened(browser: Browser, path: Path, some: Run, after: str = "", **about: str) -> Browser:
    """A page from disk. What was asked for and complained of counts from here."""
    page.write(path / "page.html", some, stage="5.14", seed=1, number=0, **about)
    browser.open("about:blank")
    browser.requests.clear()
    browser.console.clear()
    browser.open((path / "page.html").as_uri() + after)
    return browser


def at(browser: Browser) -> tuple[str, str]:
    """The step that the page says that it shows, and the one that its address names."""
    return browser.text("#where"), str(browser.run("location.hash"))


def test_the_page_opens_at_the_step_that_broke_the_rule(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, broken_run())
    assert at(browser) == ("4 of 4", "#step=4")
    assert "save, then send" in browser.text(".broken")
    assert "stable storage before responding to RPCs" in browser.text(".broken")
    assert "Here it fails: server 2: it sends its vote" in browser.text("#step")
    assert "event 7 of the trace" in browser.text("#step")
    assert browser.run("document.querySelectorAll('.picture text.fault').length") == 1
    assert browser.requests == [(tmp_path / "page.html").as_uri()]
    assert browser.console == []


def test_a_stage_that_failed_without_a_broken_rule_says_why(
    browser: Browser, tmp_path: Path
) -> None:
    opened(browser, tmp_path, played(), verdict="WRONG", summary="event 6: no reply")
    assert "WRONG event 6: no reply" in browser.text(".broken")
    assert "Here it fails: event 6: no reply" in browser.text("#step")
    assert browser.run("document.querySelectorAll('.picture .lost').length") == 0
    browser.press("k")
    browser.press("k")
    assert "from S2, played by the grader" in browser.text("#step")
    assert "sends to S3 beat t4 (S3 does not run here)" in browser.text("#step")
    opened(browser, tmp_path, played())
    assert "no rule broken" in browser.text("header")


def test_keys_step_and_the_address_names_the_step(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, broken_run())
    keys = {"Home": 1, "ArrowRight": 2, "ArrowDown": 3, "j": 4, "k": 3, "ArrowUp": 2,
            "ArrowLeft": 1, "End": 4}  # fmt: skip
    for key, step in keys.items():
        browser.press(key)
        assert at(browser) == (f"{step} of 4", f"#step={step}"), key
    browser.press("End")
    browser.press("j")
    assert at(browser)[0] == "4 of 4"


def test_a_key_in_the_slider_is_one_step(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, broken_run())
    browser.run("document.getElementById('slider').focus()")
    browser.press("ArrowLeft")
    assert at(browser)[0] == "3 of 4"
    assert browser.run("document.getElementById('slider').value") == "3"


def test_buttons_and_a_click_on_a_row_step(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, broken_run())
    for button, step in {"first": 1, "next": 2, "last": 4, "back": 3}.items():
        browser.run(f"document.getElementById('{button}').click()")
        assert at(browser)[0] == f"{step} of 4"
    x, y = browser.run(
        "(() => { const box = document.querySelector('.picture circle').getBoundingClientRect();"
        " return [box.x + 2, box.y + 2] })()"
    )
    browser.click(x, y)
    assert at(browser)[0] == "1 of 4"


@pytest.mark.parametrize(
    ("after", "step"), [("#step=2", 2), ("#step=99", 4), ("#step=0", 1), ("#other", 4)]
)
def test_an_address_opens_its_step(browser: Browser, tmp_path: Path, after: str, step: int) -> None:
    opened(browser, tmp_path, broken_run(), after)
    assert at(browser) == (f"{step} of 4", f"#step={step}")
    browser.ask("Runtime.evaluate", expression="location.hash = '#step=3'")
    browser.until("document.getElementById('where').textContent === '3 of 4'")


def test_the_bytes_of_a_message_are_shown_field_by_field(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, broken_run())
    shown = browser.run(
        "[...document.querySelector('.bytes tbody').rows].map("
        "(row) => [...row.cells].slice(0, 4).map((cell) => cell.textContent))"
    )
    reading = annotate.read(encode(RequestVote(1, 1, 0, 0)), annotate.MESSAGES)
    assert shown == [
        [str(piece.offset), piece.data.hex(" "), piece.path, piece.value]
        for _, piece in reading.pieces()
    ]


def test_who_voted_for_whom_is_told(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, broken_run())
    assert (
        re.sub(r"\s+", " ", browser.text(".votes")) == "term 1 for S1: S1 S2 (2 of 3, a majority)"
    )
    browser.press("k")
    assert re.sub(r"\s+", " ", browser.text(".votes")) == "term 1 for S1: S1 (1 of 3)"
    browser.press("Home")
    assert "Nobody has voted yet." in browser.text("#step")


def test_what_was_lost_or_crashed_is_drawn_as_such(browser: Browser, tmp_path: Path) -> None:
    done = long_run()
    opened(browser, tmp_path, done)
    drawn = {
        kind: browser.run(f"document.querySelectorAll('.picture {kind}').length")
        for kind in (".lost .cross", ".message:not(.lost)", "path.crash", ".again")
    }
    story = tell(done)
    assert drawn == {
        ".lost .cross": sum(
            not one.received and one.step < len(story.steps) - 1 for one in story.sent
        ),
        ".message:not(.lost)": sum(len(one.received) for one in story.sent),
        "path.crash": len(done.crashed),
        ".again": sum(len(one.received) > 1 for one in story.sent),
    }
    assert min(drawn.values()) > 0


def test_a_hostile_run_is_shown_and_not_run(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, replicating())
    assert browser.console == []
    shown = ""
    for _ in range(7):
        shown += browser.run("document.getElementById('step').textContent")
        browser.press("k")
    assert browser.run("document.images.length + document.scripts.length") == 2
    assert browser.run("document.title").startswith("broken rule: </script>")
    assert HOSTILE in browser.text(".broken")
    assert "applies entry 2 of term 1" in shown
    assert "entry 2: data" in shown
    assert "Its commit index is 2 now, after 0." in shown
    assert "\x1b" not in shown
    assert len(browser.requests) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 700])
def test_the_page_is_as_wide_as_its_window(
    browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.ask("Emulation.setDeviceMetricsOverride", **size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.ask("Emulation.setEmulatedMedia", features=[feature])
    opened(browser, tmp_path, long_run())
    found = browser.run("[document.documentElement.scrollWidth, document.body.scrollHeight]")
    assert found == [width, 800]
    colour = browser.run("getComputedStyle(document.body).backgroundColor")
    assert colour == {"light": "rgb(251, 250, 248)", "dark": "rgb(23, 25, 28)"}[scheme]
    assert json.dumps(browser.console) == "[]"
