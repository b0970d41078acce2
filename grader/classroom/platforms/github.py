"""Writes the workflow that grades a lab on GitHub, in GitHub Classroom's format.

It goes into the assignment's template repository, as .github/workflows/classroom.yml. The grader
comes from the instructor's own repository of this project at one commit, and the policy stands in
the workflow, so that only who changes the workflow itself decides anything; its head says what
that leaves open. Actions are named by commit, but for Classroom's own reporter, whose tag is the
one that its documentation names.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from grader import packing
from grader.classroom.platforms import options
from grader.classroom.platforms.one import Assignment
from grader.errors import UsageError
from grader.tree import ROOT

WORKFLOW = ".github/workflows/classroom.yml"
_CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
_MINUTES = 40
_REPOSITORY = re.compile(r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of ``python -m grader.classroom github-classroom``."""
    options.add(parser, _MINUTES)
    parser.add_argument(
        "--repository", required=True, metavar="OWNER/NAME", help="your copy of this project"
    )
    words = "the commit there that grades (default: the newest one here)"
    parser.add_argument("--commit", default="", metavar="HASH", help=words)


def main(arguments: argparse.Namespace) -> int:
    """Writes the workflow and prints its path and seed. Raises UsageError."""
    chosen = options.chosen(arguments)
    if not _REPOSITORY.fullmatch(arguments.repository):
        raise UsageError(f"--repository {arguments.repository}: it is written OWNER/NAME")
    commit = arguments.commit or _newest_commit()
    if not _COMMIT.fullmatch(commit):
        raise UsageError(f"--commit {commit}: all 40 digits of a commit's hash")
    policy = chosen.policy.read_text(encoding="utf-8") if chosen.policy else ""
    if "${{" in policy:
        raise UsageError(f"policy {chosen.policy}: GitHub would take ${{{{ for its own")
    text = render(chosen.assignment, arguments.repository, commit, policy)
    path = chosen.out / WORKFLOW
    path.parent.mkdir(parents=True, exist_ok=True)
    options.tell([packing.write(path, text.encode())], chosen.assignment.seed)
    return 0


def render(assignment: Assignment, repository: str, commit: str, policy: str) -> str:
    """The workflow's text. ``policy`` is that of a policy file, or "" for the default one."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("github")),
        variable_start_string="<<",  # what is in double braces is GitHub's
        variable_end_string=">>",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("classroom.yml.jinja").render(
        lab=assignment.lab,
        seed=assignment.seed,
        minutes=assignment.minutes,
        repository=repository,
        commit=commit,
        checkout=_CHECKOUT,
        policy=json.dumps(policy),  # which YAML reads as the same string
    )


def _newest_commit() -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise UsageError("this is no git checkout: --commit HASH names the one that grades")
    return done.stdout.strip()
