"""What ``make doctor`` looks for: tools on the PATH, and what has to be tried."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader.report import escape
from grader.run import isolation

_MISSING = "MISSING"
_DESCRIPTORS = 11_000  # as many as stage 2.10 has open at once
_SECONDS = 60  # for one probe: a slow machine's first start of a browser

# One program for all builds: it starts a thread, so that ThreadSanitizer has something to look at.
_TINY_PROGRAM = """
#include <pthread.h>
#include <stdio.h>
static void *run(void *text) { return puts(text) < 0 ? NULL : text; }
int main(void)
{
    pthread_t thread;
    char text[] = "works";
    return pthread_create(&thread, NULL, run, text) != 0 || pthread_join(thread, NULL) != 0;
}
"""


@dataclass(frozen=True)
class Finding:
    """``found`` is a version or a word; ``good`` says whether it serves; ``why`` explains, in a
    line or two, why not.
    """

    found: str
    good: bool
    why: str = ""


# --- tools that are on the PATH or not ---


def version_in(text: str) -> str:
    """The version number in what a tool says of itself: the first, parentheses (a distribution's
    own words) aside.
    """
    found = re.search(r"\d+(?:\.\d+)+", re.sub(r"\([^)]*\)", "", text))
    return found[0] if found else "yes"


def _run(command: list[str]) -> tuple[int, str]:
    """Exit status (127: it could not be run) and all output of a command."""
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, str(error)
    return done.returncode, done.stdout


def tool(*names: str) -> Callable[[], Finding]:
    """Looks for the first of ``names`` on the PATH."""

    def probe() -> Finding:
        name = next((name for name in names if shutil.which(name)), None)
        if name is None:
            return Finding(_MISSING, False)
        status, words = _run([name, "--version"])
        return (
            Finding(version_in(words), True)
            if status == 0
            else Finding("does not start", False, _last_line(words))
        )

    return probe


def all_tools(*names: str) -> Callable[[], Finding]:
    """Looks for all of ``names``."""

    def probe() -> Finding:
        findings = {name: tool(name)() for name in names}
        lacking = [name for name, finding in findings.items() if not finding.good]
        if lacking:
            return Finding(
                _MISSING if len(lacking) == len(names) else f"{_MISSING}: {', '.join(lacking)}",
                False,
            )
        return Finding(
            ", ".join(dict.fromkeys(finding.found for finding in findings.values())), True
        )

    return probe


def on_path(*names: str) -> Callable[[], Finding]:
    """Looks for all of ``names``, without starting them: not each knows --version."""

    def probe() -> Finding:
        lacking = [name for name in names if shutil.which(name) is None]
        return Finding(f"{_MISSING}: {', '.join(lacking)}" if lacking else "yes", not lacking)

    return probe


def with_tool(name: str, probe: Callable[[], Finding]) -> Callable[[], Finding]:
    """A probe that needs a tool on the PATH too."""

    def both() -> Finding:
        return probe() if shutil.which(name) else Finding(f"{_MISSING}: {name}", False)

    return both


def _last_line(text: str) -> str:
    return escape.one_line((text.strip().splitlines() or ["no output"])[-1])


# --- what has to be tried ---


def python() -> Finding:
    """That it is 3.11 or later, the Makefile has seen: an older one could not read this file."""
    version = platform.python_version()
    lacking = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if lacking:
        return Finding(
            f"{version}, no {lacking[0]}", False, "it can't make the grader's own environment"
        )
    return Finding(version, True)


def _compiler_name() -> str:
    return os.environ.get("CC") or "cc"


def compiler() -> Finding:
    name = _compiler_name()
    if shutil.which(name) is None:
        return Finding(_MISSING, False, f"'{name}' is not on the PATH")
    words = _run([name, "--version"])[1]
    kinds = {"clang": "clang", "Free Software Foundation": "gcc"}
    kind = next((kind for sign, kind in kinds.items() if sign in words), name)
    why = _try_build()
    return Finding(f"{kind} {version_in(words)}", not why, why)


def builds_with(*flags: str) -> Callable[[], Finding]:
    def probe() -> Finding:
        if shutil.which(_compiler_name()) is None:
            return Finding(_MISSING, False)
        why = _try_build(*flags)
        return Finding("does not work", False, why) if why else Finding("works", True)

    return probe


def _try_build(*flags: str) -> str:
    """Compiles, links and runs a tiny program as the grader does. Returns "" or why that failed."""
    with tempfile.TemporaryDirectory(prefix="echo-to-raft-doctor-") as folder:
        source, program = Path(folder, "tiny.c"), Path(folder, "tiny")
        source.write_text(_TINY_PROGRAM)
        flags = ("-std=c11", "-D_GNU_SOURCE", "-pthread", *flags)
        status, words = _run([_compiler_name(), *flags, "-o", str(program), str(source)])
        if status != 0:
            return f"a tiny program does not compile or link: {_last_line(words)}"
        status, words = _run([*_without_random_addresses(), str(program)])
        return "" if status == 0 else f"a tiny program does not run: {_last_line(words)}"


def _without_random_addresses() -> list[str]:
    """As the grader starts programs: addresses are not randomized, where that is allowed."""
    prefix = ["setarch", "-R"]
    return prefix if _run([*prefix, "true"])[0] == 0 else []


def sandbox() -> Finding:
    bubblewrap = tool("bwrap")()
    if not bubblewrap.good:
        return Finding(
            bubblewrap.found,
            False,
            "programs run under resource limits alone: fit for your own code",
        )
    reason = isolation.why_not_namespaces()
    if not reason:
        return Finding(f"{bubblewrap.found}, works", True)
    return Finding(
        f"{bubblewrap.found}, forbidden", False, _why_forbidden(escape.one_line(reason, 300))
    )


def _why_forbidden(reason: str) -> str:
    """Why user namespaces are refused, and what allows them, as far as the kernel's settings
    tell.
    """
    consequence = (
        "The grader uses resource limits instead, which are fit for your own code, not "
        "for a stranger's."
    )
    if os.geteuid() != 0 and _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "bubblewrap is there, but AppArmor forbids it to work. Ubuntu, from 24.04 on, lets "
            "only programs that have an "
            f"AppArmor profile for it make user namespaces. {consequence} To allow them until the "
            "next start of the machine: "
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if _setting("user/max_user_namespaces") == "0":
        return f"the kernel's setting user.max_user_namespaces is 0. {consequence}"
    if os.geteuid() != 0 and _setting("kernel/unprivileged_userns_clone") == "0":
        return f"the kernel's setting kernel.unprivileged_userns_clone is 0. {consequence}"
    return f"{reason}. Many containers forbid namespaces. {consequence}"


def _setting(name: str) -> str:
    """A kernel setting, see proc(5); "" if there is none."""
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return ""


def descriptors() -> Finding:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    found = "no limit" if hard == resource.RLIM_INFINITY else f"{hard:,} open files"
    good = hard == resource.RLIM_INFINITY or hard >= _DESCRIPTORS
    return Finding(found, good, "" if good else "'ulimit -Hn' is the limit; only root can raise it")
