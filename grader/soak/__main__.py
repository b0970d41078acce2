"""``make soak``: the nodes of WORK under faults, for long. LAB=5 kills leaders of raft_node; else
kvraft has clients, and faults of all kinds. Exit status 0 if no rule is broken, 1 if one is, 2
where it can't run.
"""

from __future__ import annotations

import os
import sys

from rich.console import Console

from grader import starters
from grader.cli import ROOT
from grader.errors import MachineError, UsageError
from grader.settings import Settings
from grader.soak import elections, stores


def main() -> int:
    """Runs it, and tells how it went."""
    console = Console(highlight=False)
    try:
        lab = os.environ.get("LAB") or "6"
        soaks = {"5": elections.soak, "6": stores.soak}
        if lab not in soaks:
            raise UsageError(f"LAB={lab}: there is a soak of lab 5, and one of lab 6")
        starters.install(ROOT)
        return soaks[lab](Settings.from_environment(), console)
    except (UsageError, MachineError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
