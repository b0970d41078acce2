"""Runs every hostile submission as each user and at each level that contains it, the slow ones too.

    python -m grader.selftest.hostile [OPTION OF PYTEST...]

Prints a table; exit status 1 if one was not contained. It takes about half an hour.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

from grader.selftest.harness import ROOT
from grader.selftest.hostile.table import hostile_programs


def rows(lines: list[str]) -> list[str]:
    """A line for each program: what it tries, and each verdict with its seconds."""
    found: dict[str, list[str]] = {}
    for line in lines:
        id, user, level, verdict, _, seconds, cpu, problems = json.loads(line)
        outcome = f"{user}, {level}: {verdict} {seconds:.1f} s ({cpu:.1f} of CPU)"
        found.setdefault(id, []).append(outcome + (" NOT CONTAINED" if problems else ""))
    known = {program.id: program.tries for program in hostile_programs()}
    return [
        f"{id:30} {known[id]}\n    {'; '.join(sorted(found[id]))}" for id in known if id in found
    ]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "table")
        os.environ |= {"HOSTILE": "all", "HOSTILE_TABLE": str(table)}
        status = pytest.main([str(ROOT / "grader/selftest/test_hostile.py"), *sys.argv[1:]])
        lines = table.read_text().splitlines() if table.exists() else []
    print("\n".join(rows(lines)))
    print(f"{len(lines)} runs of {len(rows(lines))} hostile submissions")
    return 0 if status == pytest.ExitCode.OK else 1


if __name__ == "__main__":
    sys.exit(main())
