"""``make matrix``: runs every broken program until it fails; writes docs/kill-matrix.md.

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

from rich.progress import track

from grader.selftest.harness import ROOT, Broken, Run, broken_programs, grade, missing, variants
from grader.verdicts import Verdict

PAGE = ROOT / "docs" / "kill-matrix.md"
JOBS = 6  # most of the time, they wait for what never comes


def grader_hash() -> str:
    """Over all that decides a verdict: the grader without its own tests, and what labs/ gives."""
    digest = hashlib.sha256()
    for folder in ("grader", "labs"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".c", ".h", ".mk") and "selftest" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def run_one(
    broken: Broken, state: dict[str, dict[str, str]], grader: str
) -> tuple[str, dict[str, str]]:
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
        out, lab = Path(folder) / "out", broken.lab
        borrow = missing(lab, work)
        found = failures(grade(out, "lab", lab, WORK=work, BORROW=borrow, REPEAT=0))
        if not found:  # the bug may be in an extension, which only runs when it is asked for
            run = grade(out, "lab", lab, WORK=work, BORROW=borrow, STAGE=broken.stage, REPEAT=0)
            found = failures(run)
        return broken.id, {"key": key, **found}


def failures(run: Run) -> dict[str, str]:
    """The stage that stopped the run, with verdict and diagnosis; {} if none did."""
    assert run.result is not None, run.stdout + run.stderr
    assert run.status != 2, run.stdout + run.stderr
    for stage in run.result.stages:
        if stage.verdict not in (Verdict.PASS, Verdict.SKIPPED):
            diagnosis = stage.failure.diagnosis_id if stage.failure else ""
            return {"stage": stage.id, "verdict": str(stage.verdict), "diagnosis": diagnosis}
    return {}


def passes(variant: tuple[str, Path]) -> bool:
    """Whether a correct program passes every stage that it has a program for."""
    lab, work = variant
    with tempfile.TemporaryDirectory() as folder:
        run = grade(
            Path(folder) / "out", "lab", lab, WORK=work, BORROW=missing(lab, work), ALL=1, REPEAT=0
        )
        return set(run.verdicts().values()) <= {Verdict.PASS, Verdict.SKIPPED} and run.status == 0


def page(programs: list[Broken], state: dict[str, dict[str, str]], correct: dict[str, bool]) -> str:
    """The kill matrix in Markdown; ``correct`` says of each variant, ``lab name``, whether it
    passed.
    """
    head = [
        "# The kill matrix",
        "",
        "Each row is a correct program with one plausible bug, and the first stage that it fails: "
        "what its author would see.",
        "`make matrix` writes this page.",
    ]
    sections = [
        section(
            lab,
            [program for program in programs if program.lab == lab],
            state,
            [passed for name, passed in correct.items() if name.startswith(f"{lab} ")],
        )
        for lab in sorted({program.lab for program in programs})
    ]
    return "\n".join([*head, *(line for lines in sections for line in lines)]) + "\n"


def section(
    lab: str, programs: list[Broken], state: dict[str, dict[str, str]], correct: list[bool]
) -> list[str]:
    """The lines on one lab."""
    killed = [p for p in programs if "stage" in state[p.id]]
    meant = [p for p in killed if state[p.id]["stage"] == p.stage]
    share = 100 * len(meant) / len(programs)
    lines = [
        "",
        f"## Lab {lab}",
        "",
        f"{len(killed)} of {len(programs)} broken programs fail, {len(meant)} of them "
        f"({share:.1f} %) first in the stage meant for them.",
        f"{sum(correct)} of {len(correct)} correct variants pass every stage that they attempt.",
        "",
        "| program | the bug | meant | first failure | verdict | diagnosis |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for program in sorted(programs, key=lambda p: (tuple(map(int, p.stage.split("."))), p.id)):
        found = state[program.id]
        bug = program.bug.replace("|", "\\|")
        cells = [program.id, bug, program.stage, found.get("stage", "**none**")]
        cells += [found.get("verdict", "PASS"), found.get("diagnosis", "")]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> int:
    """Exit status 1 if a broken program passed."""
    out = Path(os.environ.get("OUT") or "out")
    out.mkdir(parents=True, exist_ok=True)
    path = out / "matrix.json"
    state: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    programs, grader = broken_programs(), grader_hash()
    with ThreadPoolExecutor(JOBS) as pool:
        results = pool.map(lambda program: run_one(program, state, grader), programs)
        for id, found in track(results, "broken programs", total=len(programs)):
            state[id] = found
            path.write_text(json.dumps(state, indent=1))
        known = variants()
        passed = track(pool.map(passes, known), "variants", total=len(known))
        correct = {f"{lab} {path.name}": ok for (lab, path), ok in zip(known, passed, strict=True)}
    PAGE.write_text(page(programs, state, correct), encoding="utf-8")
    alive = [program.id for program in programs if "stage" not in state[program.id]]
    elsewhere = [p for p in programs if state[p.id].get("stage", p.stage) != p.stage]
    for program in elsewhere:
        print(f"{program.id}: meant for {program.stage}, fails in {state[program.id]['stage']}")
    print(f"{len(programs) - len(alive)} of {len(programs)} killed, {len(elsewhere)} elsewhere")
    for id in alive:
        print(f"alive: {id}")
    for name, ok in correct.items():
        if not ok:
            print(f"a correct variant fails: lab {name}")
    return 0 if all(correct.values()) and not alive else 1


if __name__ == "__main__":
    sys.exit(main())
