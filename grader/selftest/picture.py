"""The README's picture of a failure card, drawn by the terminal renderer itself.

``python -m grader.selftest.picture --write`` draws it anew; a test holds the file against the
renderer.
"""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace

from rich.console import Console
from rich.terminal_theme import MONOKAI

from grader.report import terminal
from grader.selftest.harness import ROOT
from grader.selftest.samples import every_kind

PATH = ROOT / "docs" / "figures" / "failure-card.svg"


def draw() -> str:
    """SVG, with a description for those who can't see it, and with no font from elsewhere."""
    stage = every_kind().stages[1]
    assert stage.failure is not None
    repeat, trace = f"make lab1 STAGE={stage.id} SEED=1", f"out/traces/lab1-{stage.id}.jsonl"
    shown = replace(stage, failure=replace(stage.failure, repeat=repeat, trace=trace))
    console = Console(
        record=True,
        width=104,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        emoji=False,
    )
    terminal.print_card(console, shown)
    svg = console.export_svg(title="make lab1", theme=MONOKAI, unique_id="card")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    words = (
        "A failure card: the verdict, the rule, expected and received bytes with a caret, the "
        "diagnosis, a hint, and how to repeat it."
    )
    return re.sub(
        r"(<svg [^>]*>)",
        rf"\1\n    <title>A failure card</title>\n    <desc>{words}</desc>",
        svg,
        count=1,
    )


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    PATH.write_text(draw(), encoding="utf-8")
