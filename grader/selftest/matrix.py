"""``make matrix``: every broken program on every stage, every variant ten times; writes
docs/kill-matrix.md.

Resumable: what was run is kept in OUT/matrix.json by the hash of the program and of the grader, and
not run again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.progress import track

from grader.selftest.harness import ROOT, Broken, broken_programs, grade, variants

PAGE = ROOT / "docs" / "kill-matrix.md"
JOBS = 2


def grader_hash() -> str:
    """Over all that decides a verdict: the grader without its own tests, and what labs/ gives."""
    digest = hashlib.sha256()
    for folder in ("grader", "labs"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".c", ".h", ".mk") and "selftest" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def run_one(broken: Broken, state: dict[str, Any], grader: str) -> tuple[str, dict[str, Any]]:
    """The verdict and diagnosis of each stage."""
    with tempfile.TemporaryDirectory() as folder:
        work = broken.make(Path(folder) / "work")
        digest = hashlib.sha256(grader.encode())
        for path in sorted(work.rglob("*.[ch]")):
            digest.update(path.read_bytes())
        key = digest.hexdigest()
        known = state.get(broken.id, {})
        if known.get("key") == key:
            return broken.id, known
        run = grade(Path(folder) / "out", WORK=work, ALL=1, REPEAT=0)
        assert run.result is not None, run.stdout + run.stderr
        stages = {stage.id: str(stage.verdict) for stage in run.result.stages}
        diagnoses = {
            s.id: s.failure.diagnosis_id for s in run.result.stages if s.failure is not None
        }
        return broken.id, {"key": key, "stages": stages, "diagnoses": diagnoses}


def first_failure(stages: dict[str, str]) -> str:
    """The stage at which a student would be stopped, or ""."""
    return next((id for id, verdict in stages.items() if verdict not in ("PASS", "SKIPPED")), "")


def page(programs: list[Broken], state: dict[str, Any]) -> str:
    """The kill matrix in Markdown."""
    killed = [p for p in programs if first_failure(state[p.id]["stages"])]
    meant = [p for p in killed if first_failure(state[p.id]["stages"]) == p.stage]
    lines = [
        "# The kill matrix",
        "",
        "Each row is a correct program with one plausible bug, and the stages that it fails. "
        "`make matrix` writes this page.",
        "",
        f"Lab 1: {len(killed)} of {len(programs)} broken programs fail; {len(meant)} "
        f"({100 * len(meant) // len(programs)} %) fail first in the",
        f"stage meant for them. {len(variants())} correct variants pass every stage.",
        "",
        "| program | the bug | meant | first failure | verdict | diagnosis | fails too |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for program in sorted(programs, key=lambda p: (tuple(map(int, p.stage.split("."))), p.id)):
        stages, diagnoses = state[program.id]["stages"], state[program.id]["diagnoses"]
        first = first_failure(stages)
        others = [
            id
            for id, verdict in stages.items()
            if verdict not in ("PASS", "SKIPPED") and id != first
        ]
        cells = [
            program.id,
            program.bug.replace("|", "\\|"),
            program.stage,
            first or "**none**",
            stages.get(first, "PASS"),
        ]
        lines.append(
            "| " + " | ".join([*cells, diagnoses.get(first, ""), ", ".join(others)]) + " |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Exit status 1 if a broken program passed."""
    out = Path(os.environ.get("OUT") or "out")
    out.mkdir(parents=True, exist_ok=True)
    path = out / "matrix.json"
    state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    programs, grader = broken_programs(), grader_hash()
    with ThreadPoolExecutor(JOBS) as pool:
        results = pool.map(lambda program: run_one(program, state, grader), programs)
        for id, found in track(results, "broken programs", total=len(programs)):
            state[id] = found
            path.write_text(json.dumps(state, indent=1))
    PAGE.write_text(page(programs, state), encoding="utf-8")
    alive = [program.id for program in programs if not first_failure(state[program.id]["stages"])]
    elsewhere = [p for p in programs if first_failure(state[p.id]["stages"]) not in ("", p.stage)]
    for program in elsewhere:
        print(
            f"{program.id}: meant for {program.stage}, fails first in "
            f"{first_failure(state[program.id]['stages'])}"
        )
    print(
        f"{len(programs) - len(alive)} of {len(programs)} killed, {len(elsewhere)} not in the "
        f"stage meant; {PAGE.relative_to(ROOT)}"
    )
    for id in alive:
        print(f"alive: {id}")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
