"""A run as one self-contained page: a diagram of space and time, and all that is known of each
step. It needs no network, and its policy allows none: only its own style and script, named by their
hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from grader.report.escape import visible
from grader.sim.invariants import RULES
from grader.sim.run import Run
from grader.sim.story import tell
from grader.wire.walk import counted

_HERE = Path(__file__).resolve().parent / "web"
_SCRIPTS = ("tools.js", "diagram.js", "panel.js", "page.js")
_PAPER = "Ongaro and Ousterhout, In Search of an Understandable Consensus Algorithm"
# Within a script element, nothing of these ends it or opens a comment.
_IN_SCRIPT = {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}


def write(path: Path, run: Run, /, **about: Any) -> None:
    """Writes the page of a run; ``about`` as ``render`` takes it."""
    path.write_text(render(run, **about), encoding="utf-8")


def render(run: Run, /, **about: Any) -> str:
    """The page as HTML. It opens at its last step, which is the one that broke the rule. ``about``
    may have the stage, seed and number of the run, ``repeat``, the command that repeats it, and,
    where no rule was broken and a stage failed all the same, ``summary`` and ``verdict`` of that.
    The rest of a trace's first line is passed over.
    """
    style, parts = _file("page.css"), "\n".join(map(_file, _SCRIPTS))
    script = f"(() => {{\n{parts}}})();\n"  # so that it names nothing that a browser has names for
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            fault=_fault(run, about),
            facts=_facts(run, about),
            title=f"A run of {counted(run.config.servers, 'server')}",
            steps=len(run.inputs),
            style=Markup(style),
            script=Markup(script),
            data=Markup(_data(run, about)),
            policy=policy,
        )
    )


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _visible(value: Any) -> Any:
    """Text without control characters, however deep it is. What is in HTML is then escaped as such;
    what is data is shown as text alone.
    """
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    if isinstance(value, list | tuple):
        return [_visible(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _visible(one) for name, one in vars(value).items()}
    return value


def _data(run: Run, about: dict[str, Any]) -> str:
    data = _visible(tell(run)) | {"fails": _fault(run, about) is not None}
    return json.dumps(data, separators=(",", ":")).translate(_IN_SCRIPT)


@dataclass(frozen=True)
class _Fault:
    """What is wrong with the run: kind, in short, in words, and where the rule is from."""

    kind: str
    name: str
    words: str
    source: str = ""


def _fault(run: Run, about: dict[str, Any]) -> _Fault | None:
    if run.broken is None:
        summary, verdict = str(about.get("summary", "")), str(about.get("verdict", ""))
        return _Fault("failed", verdict, summary) if summary else None
    source = RULES.get(run.broken.rule, "")
    if source.startswith(("figure", "section")):
        source = f"{source} ({_PAPER})"
    return _Fault("broken rule", run.broken.rule, run.broken.words, source)


def _facts(run: Run, about: dict[str, Any]) -> list[tuple[str, str]]:
    names = {"stage": "stage", "seed": "seed", "number": "run", "repeat": "repeat"}
    facts = [(shown, str(about[name])) for name, shown in names.items() if name in about]
    return [*facts, ("steps", f"{len(run.inputs):,}"), ("virtual time", f"{run.virtual_ms:,} ms")]
