"""Hints in three tiers: a question, the cause, the remedy in words; never code."""

from __future__ import annotations

import importlib
from typing import NamedTuple


class Hint(NamedTuple):
    """``question`` stands on the failure card; a command shows the others."""

    question: str
    cause: str
    remedy: str


def hint_for(stage_id: str, diagnosis_id: str = "") -> Hint:
    """The hint for a diagnosis in that stage, else for the diagnosis in its lab, else for the stage."""
    lab = stage_id.partition(".")[0]
    known: dict[str, Hint] = importlib.import_module(f"grader.labs.lab{lab}.hints").HINTS
    for key in (f"{stage_id} {diagnosis_id}", diagnosis_id, stage_id):
        if key in known:
            return known[key]
    raise KeyError(f"stage {stage_id} has no hint")
