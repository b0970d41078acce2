"""What stages ask for by name, as pytest fixtures."""

from __future__ import annotations

import pytest

from grader.labs.stage import Attempt
from grader.run.world import World

ATTEMPT = pytest.StashKey[Attempt]()


@pytest.fixture
def attempt(request: pytest.FixtureRequest) -> Attempt:
    """This run of this stage. The engine made it, and closes it."""
    attempt: Attempt = request.node.stash[ATTEMPT]
    attempt.require_attempt()
    return attempt


@pytest.fixture
def world(attempt: Attempt) -> World:
    return attempt.world
