"""Hints of lab 2, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

HINTS: dict[str, Hint] = {}
