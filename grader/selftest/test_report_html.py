"""The page of the report: one file that needs nothing else, that a browser accepts as it is, and
that all can read.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from grader.report import html
from grader.selftest.samples import SAMPLES, all_passed, every_kind

STYLE = Path(html.__file__).with_name("report.css")


class Page(HTMLParser):
    """What a browser would find in a page."""

    ELEMENTS = frozenset(
        "html head meta title style body a header p h1 h2 h3 nav ul ol li span main section "
        "strong svg rect div table "
        "caption thead tbody tr th td dl dt dd details summary code pre".split()
    )
    VOID = frozenset({"meta", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[str] = []
        self.metas: list[dict[str, str | None]] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert tag in self.ELEMENTS
        assert not [
            name
            for name in found
            if name.startswith("on") or name in ("style", "src", "srcset", "action", "ping")
        ]
        if tag not in self.VOID:
            self._open.append(tag)
        if "id" in found:
            self.ids.append(found["id"] or "")
        if "href" in found:
            self.links.append(found["href"] or "")
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        if tag == "meta":
            self.metas.append(found)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.style += data


def test_html_refers_to_nothing_outside_itself() -> None:
    text = html.render([every_kind(), all_passed()])
    page = Page(text)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert page.headings[:2] == ["h1", "h2"]
    assert page.headings.count("h1") == 1
    assert not re.search(r"url\(|@import|image-set", page.style)


def test_html_policy_names_its_style_and_nothing_else() -> None:
    page = Page(html.render([every_kind()]))
    policy = next(
        meta["content"]
        for meta in page.metas
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert (
        policy
        == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """As of WCAG 2.2."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_html_has_contrast_enough(scheme: str) -> None:
    """WCAG 2.2, 1.4.3, level AA: 4.5 to 1."""
    light, _, dark = STYLE.read_text(encoding="utf-8").partition("prefers-color-scheme: dark")
    colours = dict(
        re.findall(
            r"--([a-z-]+): (#[0-9a-f]{6});",
            light if scheme == "light" else dark.partition("* {")[0],
        )
    )
    papers = [
        ("ink", "paper card sunk"),
        ("quiet", "paper card sunk skip-soft"),
        ("link", "paper card"),
    ]
    papers += [
        ("pass", "pass-soft sunk"),
        ("fail", "fail-soft sunk"),
        ("error", "error-soft paper card"),
    ]
    for ink, grounds in papers:
        for ground in grounds.split():
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


@pytest.fixture
def chromium() -> str:
    """The system's Chromium; without it the test is skipped, or fails where REQUIRE names
    "browser".
    """
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if path is None:
        if "browser" in os.environ.get("REQUIRE", "").split(","):
            pytest.fail(
                "REQUIRE names the browser, and there is no Chromium on this machine", pytrace=False
            )
        pytest.skip("no Chromium on this machine")
    return path


def console_of(chromium: str, page: str, folder: Path) -> list[str]:
    """What the browser says on its console while it loads the page."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    options = (
        "--headless --no-sandbox --disable-gpu --disable-background-networking "
        "--enable-logging=stderr --dump-dom"
    )
    command = [chromium, *options.split(), f"--user-data-dir={folder / 'profile'}", path.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert b"</html>" in done.stdout, done.stderr.decode(errors="replace")
    return [line for line in done.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("name", SAMPLES)
def test_browser_shows_the_page_without_complaint(chromium: str, tmp_path: Path, name: str) -> None:
    assert console_of(chromium, html.render([SAMPLES[name]()]), tmp_path) == []


def test_browser_would_complain_of_another_style(chromium: str, tmp_path: Path) -> None:
    """The check above can fail."""
    spoilt = html.render([all_passed()]).replace("</style>", " </style>")
    assert any("Content Security Policy" in line for line in console_of(chromium, spoilt, tmp_path))
