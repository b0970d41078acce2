"""``python -m grader.selftest.bare_debian``: Gradescope's zip in a bare Debian, as Gradescope would
run it.

Makes the zip, a bare Debian, and the image by setup.sh. Then grades some submissions in a container
each, and says what results.json held. It takes about a quarter of an hour, needs root and
mmdebstrap, and exits with 1 where a result is not what it must be.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from grader.classroom.platforms import gradescope
from grader.classroom.platforms.one import Assignment
from grader.errors import UsageError
from grader.labs import LABS, Lab
from grader.selftest import container, platform_cases
from grader.selftest.platform_cases import Case

TOP = Path("/autograder")  # Gradescope's, as programs in the container see it
METADATA = {
    "id": 1,
    "created_at": "2026-10-01T14:22:32.365935-07:00",
    "assignment": {"due_date": "2026-10-31T23:00:00.000000-07:00", "title": "A lab"},
    "users": [{"id": 2, "name": "A Student", "email": "student@example.com"}],
}


def unpack(archive: Path, folder: Path) -> None:
    """As unzip(1) does it: with the modes that the archive names."""
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            path = Path(packed.extract(info, folder))
            path.chmod(info.external_attr >> 16 & 0o777)


def build_image(lab: Lab, folder: Path, suite: str) -> Path:
    """Debian, the zip at its place, and what setup.sh adds."""
    base = container.make_base(folder, suite)
    archive = gradescope.make(lab, Assignment(lab.number, 7, 40), None, folder)
    top = base / TOP.relative_to("/")
    unpack(archive, top / "source")
    shutil.copy(top / "source" / "run_autograder", top / "run_autograder")
    done = container.in_image(base, "bash", f"{TOP}/source/setup.sh")
    if done.returncode != 0:
        raise UsageError(f"setup.sh ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return base


def results_of(base: Path, folder: Path, case: Case) -> tuple[dict[str, Any], str]:
    """What results.json holds after a run in a container of its own, and what was printed.

    The platform's folder is bound from outside, since what is written into a container is gone with
    it.
    """
    top, here = folder / "autograder", folder / "container"
    shutil.copytree(base / TOP.relative_to("/"), top, symlinks=True)
    (top / "submission").mkdir()
    here.mkdir()
    case.make(top / "submission")
    if case.gone:
        (top / "source" / case.gone).unlink()
    (top / "submission_metadata.json").write_text(json.dumps(METADATA))
    done = container.in_container(base, here, top, TOP, f"{TOP}/run_autograder")
    results = json.loads((top / "results" / "results.json").read_text())
    return results, done.stdout + done.stderr


def wrong(case: Case, results: dict[str, Any], printed: str) -> str:
    """What is not as it must be, or "". Nothing is scored where the grader is at fault."""
    if case.gone:
        return ", ".join(sorted({"score", "tests"} & results.keys()))
    verdicts = set(re.findall(r"^\d\.\d+ ([A-Z-]+)", printed, re.MULTILINE))
    if not verdicts or not verdicts <= case.verdicts:
        return f"verdicts {sorted(verdicts)}, not {sorted(case.verdicts)}"
    if case.full != (results["score"] == 100):
        return f"{results['score']} points"
    return ""


def main() -> int:
    """Prints a line for each submission."""
    parser = argparse.ArgumentParser(prog="python -m grader.selftest.bare_debian")
    parser.add_argument("--lab", type=int, default=3, choices=[lab.number for lab in LABS])
    parser.add_argument("--suite", default="bookworm", help="of Debian (default: bookworm)")
    arguments = parser.parse_args()
    lab = LABS[arguments.lab - 1]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder is removed
    with tempfile.TemporaryDirectory(prefix="bare-debian-") as name:
        try:
            return _run(lab, Path(name), arguments.suite)
        except UsageError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2


def _run(lab: Lab, folder: Path, suite: str) -> int:
    began = time.monotonic()
    base = build_image(lab, folder, suite)
    seconds = time.monotonic() - began
    print(f"the image of {suite} for lab {lab.number}: {seconds:.0f} s", flush=True)
    failures = 0
    for number, case in enumerate(platform_cases.cases(lab, TOP)):
        began, place = time.monotonic(), folder / str(number)
        place.mkdir()
        results, printed = results_of(base, place, case)
        words = wrong(case, results, printed)
        failures += bool(words)
        seconds = time.monotonic() - began
        level = results["extra_data"]["isolation"] or "not graded"
        told = f"{results.get('score')} points, {level}, {seconds:.0f} s"
        print(f"{case.name}: {told}: {words or 'as it must be'}", flush=True)
        print(printed if words else "", end="", flush=True)
        shutil.rmtree(place)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
