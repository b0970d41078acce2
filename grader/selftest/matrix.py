"""``make matrix``: runs every broken program until it fails; writes docs/kill-matrix.md.

Resumable: what was run is kept in OUT/matrix.json by the hash of the program and of the grader, and
not run again. With ARGS="ID..." only these programs run, each on the stage meant for it alone, and
nothing is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from rich.progress import track

from grader.report.escape import one_line
from grader.selftest.harness import (
    ROOT,
    SHARED_CACHE,
    Broken,
    Run,
    broken_programs,
    grade,
    missing,
    variant_tree,
    variants,
)
from grader.verdicts import Verdict

PAGE = ROOT / "docs" / "kill-matrix.md"
JOBS = 6  # most of the time, they wait for what never comes

# Stages whose schedules the seed decides: they have to catch a program with each of ten seeds.
SEEDED = ("5.10", "5.14", "6.13", "6.14", "6.19", "6.20")
SEEDS = range(1, 11)


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
        if broken.stage in SEEDED:
            found["seeds"] = str(seeds_that_fail(broken, work, out, borrow))
        return broken.id, {"key": key, **found}


def seeds_that_fail(broken: Broken, work: Path, out: Path, borrow: str) -> int:
    """Of SEEDS, so many show the bug in the stage meant for it."""
    runs = (
        grade(
            out,
            "lab",
            broken.lab,
            WORK=work,
            BORROW=borrow,
            STAGE=broken.stage,
            REPEAT=0,
            SEED=seed,
        )
        for seed in SEEDS
    )
    return sum(run.verdicts()[broken.stage] != Verdict.PASS for run in runs)


def failures(run: Run) -> dict[str, str]:
    """The stage that stopped the run, with verdict and diagnosis; {} if none did."""
    assert run.result is not None, run.stdout + run.stderr
    assert run.status != 2, run.stdout + run.stderr
    for stage in run.result.stages:
        if stage.verdict not in (Verdict.PASS, Verdict.SKIPPED):
            found = {"stage": stage.id, "verdict": str(stage.verdict), "diagnosis": ""}
            if stage.failure:
                found["diagnosis"] = stage.failure.diagnosis_id
                if stage.failure.page:
                    found["events"] = str(events_of(Path(stage.failure.trace)))
            return found
    return {}


def events_of(trace: Path) -> int:
    """How many events the trace of a simulated cluster has; its first line tells of the run."""
    return len(trace.read_text(encoding="utf-8").splitlines()) - 1


def passes(variant: tuple[str, Path]) -> bool:
    """Whether a correct program passes every stage that it has a program for."""
    lab, path = variant
    with tempfile.TemporaryDirectory() as folder:
        work = variant_tree(path, Path(folder) / "work")
        run = grade(
            Path(folder) / "out", "lab", lab, WORK=work, BORROW=missing(lab, work), ALL=1, REPEAT=0
        )
        return set(run.verdicts().values()) <= {Verdict.PASS, Verdict.SKIPPED} and run.status == 0


HEAD = """# The kill matrix

Each row is a correct program with one plausible bug, and the first stage that it fails: what its author would see.
`make matrix` writes this page, and `make matrix LAB=3` the part on lab 3.
"""  # noqa: E501


def page(
    old: str, programs: list[Broken], state: dict[str, dict[str, str]], correct: dict[str, bool]
) -> str:
    """The kill matrix in Markdown, where labs that were not run are as in the ``old`` one;
    ``correct`` says of each variant, ``lab name``, whether it passed.
    """
    sections = {words[0]: f"## Lab {words}" for words in old.split("\n## Lab ")[1:]}
    for lab in {program.lab for program in programs}:
        those = [program for program in programs if program.lab == lab]
        passed = [ok for name, ok in correct.items() if name.startswith(f"{lab} ")]
        sections[lab] = "\n".join(section(lab, those, state, passed)) + "\n"
    return "\n".join([HEAD, *(sections[lab] for lab in sorted(sections))])


def section(
    lab: str, programs: list[Broken], state: dict[str, dict[str, str]], correct: list[bool]
) -> list[str]:
    """The lines on one lab."""
    killed = [p for p in programs if "stage" in state[p.id]]
    meant = [p for p in killed if state[p.id]["stage"] == p.stage]
    share = 100 * len(meant) / len(programs)
    lines = [
        f"## Lab {lab}",
        "",
        f"{len(killed)} of {len(programs)} broken programs fail, {len(meant)} of them "
        f"({share:.1f} %) first in the stage meant for them.",
        f"{sum(correct)} of {len(correct)} correct variants pass every stage that they attempt.",
        "",
        *simulated(programs, state),
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


def simulated(programs: list[Broken], state: dict[str, dict[str, str]]) -> list[str]:
    """The lines on programs that are run with each of SEEDS, and on traces."""
    counts = [int(state[p.id]["seeds"]) for p in programs if "seeds" in state[p.id]]
    events = [int(state[p.id]["events"]) for p in programs if "events" in state[p.id]]
    lines = []
    if counts:
        always = sum(count == len(SEEDS) for count in counts)
        lines.append(
            f"{len(counts)} of them are meant for stages whose schedules the seed decides: "
            f"{always} fail there with each of {len(SEEDS)} seeds."
        )
    if events:
        lines.append(
            f"{len(events)} of them leave a trace of simulated servers, of {median(events):.0f} "
            f"events in the median and {max(events)} at most."
        )
    return [*lines, ""] if lines else []


def tried(broken: Broken) -> tuple[bool, str]:
    """Whether the stage meant for it does what is meant, and a line on that."""
    with tempfile.TemporaryDirectory() as folder:
        work, lab = broken.make(Path(folder) / "work"), broken.lab
        out, borrow = Path(folder) / "out", missing(lab, work)
        run = grade(out, "lab", lab, WORK=work, BORROW=borrow, STAGE=broken.stage, REPEAT=0)
    assert run.result is not None, run.stdout + run.stderr
    stage = next(stage for stage in run.result.stages if stage.id == broken.stage)
    diagnosis = stage.failure.diagnosis_id if stage.failure else ""
    meant = stage.verdict in broken.verdicts and diagnosis in (broken.diagnoses or (diagnosis,))
    words = "as meant" if meant else "NOT as meant"
    summary = one_line(stage.failure.summary, 200) if stage.failure else ""
    return meant, f"{broken.id}: {broken.stage} {stage.verdict} {diagnosis}, {words}. {summary}"


def try_some(ids: list[str]) -> int:
    """Exit status 1 if one is not as meant, 2 if there is none of that id."""
    programs = [program for program in broken_programs() if program.id in ids]
    if unknown := sorted({*ids} - {program.id for program in programs}):
        print(f"there is no broken program {', '.join(unknown)}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(track(pool.map(tried, programs), "broken programs", total=len(programs)))
    print("\n".join(line for _, line in results))
    return 0 if all(meant for meant, _ in results) else 1


def main() -> int:
    """Exit status 1 if a broken program passed. LAB names one lab, ARGS some programs."""
    if ids := shlex.split(os.environ.get("ARGS", "")):
        return try_some(ids)
    lab = os.environ.get("LAB") or "*"
    out = Path(os.environ.get("OUT") or "out")
    out.mkdir(parents=True, exist_ok=True)
    path = out / "matrix.json"
    state: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    programs, grader = broken_programs(lab), grader_hash()
    with tempfile.TemporaryDirectory() as cache, ThreadPoolExecutor(JOBS) as pool:
        os.environ[SHARED_CACHE] = cache  # programs share all modules but the broken one
        results = pool.map(lambda program: run_one(program, state, grader), programs)
        for id, found in track(results, "broken programs", total=len(programs)):
            state[id] = found
            path.write_text(json.dumps(state, indent=1))
        known = [variant for variant in variants() if lab in ("*", variant[0])]
        passed = track(pool.map(passes, known), "variants", total=len(known))
        names = [f"{number} {path.name}" for number, path in known]
        correct = dict(zip(names, passed, strict=True))
    old = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page(old, programs, state, correct), encoding="utf-8")
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
