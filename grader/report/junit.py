"""JUnit XML, as continuous integration reads it: a suite a lab, a case a stage."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable

from grader.report.escape import visible
from grader.report.model import LabResult, StageResult
from grader.report.terminal import card_text
from grader.verdicts import Verdict


def render(*results: LabResult) -> str:
    """The document for one lab or several. Characters that XML 1.0 forbids become ``\\x1b`` and the
    like.
    """
    root = ET.Element("testsuites", name="Echo to Raft")
    suites = [_suite(root, result) for result in results]
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.set("time", _seconds(stage.duration_s for result in results for stage in result.stages))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, result: LabResult) -> ET.Element:
    suite = ET.SubElement(root, "testsuite", name=visible(f"Lab {result.lab}: {result.title}"))
    verdicts = [stage.verdict for stage in result.stages]
    skipped, errors = verdicts.count(Verdict.SKIPPED), verdicts.count(Verdict.GRADER_ERROR)
    suite.set("tests", str(len(verdicts)))
    suite.set("failures", str(len(verdicts) - verdicts.count(Verdict.PASS) - skipped - errors))
    suite.set("errors", str(errors))
    suite.set("skipped", str(skipped))
    suite.set("time", _seconds(stage.duration_s for stage in result.stages))
    _properties(suite, result)
    for stage in result.stages:
        _case(suite, result.lab, stage)
    return suite


def _properties(suite: ET.Element, result: LabResult) -> None:
    names = [
        "seed",
        "isolation",
        "toolchain",
        "points",
        "max_points",
        "extension_points",
        "max_extension_points",
    ]
    properties = ET.SubElement(suite, "properties")
    for name in names:
        ET.SubElement(properties, "property", name=name, value=visible(str(getattr(result, name))))


def _case(suite: ET.Element, lab: int, stage: StageResult) -> None:
    name = visible(f"{stage.id} {stage.title}", keep="")
    case = ET.SubElement(
        suite, "testcase", classname=f"lab{lab}", name=name, time=f"{stage.duration_s:.3f}"
    )
    if stage.verdict is Verdict.PASS:
        return
    if stage.verdict is Verdict.SKIPPED:
        ET.SubElement(case, "skipped", message=visible(stage.note))
        return
    words = stage.failure.summary if stage.failure else stage.note.strip().rpartition("\n")[2]
    kind = "error" if stage.verdict is Verdict.GRADER_ERROR else "failure"
    unstable = "unstable: " if stage.unstable else ""
    problem = ET.SubElement(case, kind, type=str(stage.verdict), message=visible(unstable + words))
    problem.text = "\n" + card_text(stage) + "\n"


def _seconds(durations: Iterable[float]) -> str:
    return f"{sum(durations):.3f}"
