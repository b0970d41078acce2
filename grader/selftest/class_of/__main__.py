"""``python -m grader.selftest.class_of DIR --lab 3 --size 200``: makes a class in DIR, and its
manifest beside it, ``DIR.expected.json``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grader.labs import LABS
from grader.selftest.class_of.layouts import LAYOUTS
from grader.selftest.class_of.make import make_class


def main() -> int:
    """Exit status 2 for a folder that is there already."""
    parser = argparse.ArgumentParser(prog="python -m grader.selftest.class_of", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the class; it must not exist yet")
    parser.add_argument("--lab", type=int, choices=[lab.number for lab in LABS], default=3)
    parser.add_argument("--size", type=int, default=200, help="how many students (default: 200)")
    parser.add_argument("--layout", choices=LAYOUTS, default="moodle")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.folder.exists():
        parser.error(f"{options.folder} is there already")
    manifest = make_class(options.folder, options.lab, options.size, options.layout, options.seed)
    print(manifest)
    return 0


if __name__ == "__main__":
    sys.exit(main())
