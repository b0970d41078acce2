"""Class mode's commands: ``python -m grader.classroom COMMAND --help``."""

from __future__ import annotations

import argparse
import importlib
import sys
from types import ModuleType
from typing import NoReturn

from grader.errors import MachineError, UsageError, story
from grader.report import escape

# Each module has add_arguments(parser) and main(arguments), which returns the exit status; the
# first line of its docstring is its help.
COMMANDS = {
    "grade": "grader.classroom.run",
    "report": "grader.classroom.report",
    "similarity": "grader.classroom.similarity",
    "gradescope": "grader.classroom.platforms.gradescope",
    "autolab": "grader.classroom.platforms.autolab",
    "github-classroom": "grader.classroom.platforms.github",
}


class _Parser(argparse.ArgumentParser):
    """A wrong call gets one line."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {escape.one_line(message, 400)} (see --help)", file=sys.stderr)
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m grader.classroom", description="Class mode's commands.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, path in COMMANDS.items():
        module = importlib.import_module(path)
        words = _first_line(module)
        command = commands.add_parser(name, help=words, description=words)
        module.add_arguments(command)
        command.set_defaults(main=module.main)
    return parser


def _first_line(module: ModuleType) -> str:
    return (module.__doc__ or "").partition("\n")[0]


def _set_up(error: ModuleNotFoundError) -> str:
    return (
        f"{escape.visible(sys.executable)} has no package {error.name}: 'make .venv/class' sets up "
        "a Python that has it, .venv/bin/python"
    )


def main(words: list[str] | None = None) -> int:
    """The exit status: 2 with one line on stderr where the call or the machine is at fault."""
    try:
        arguments = _parser().parse_args(words)
        status: int = arguments.main(arguments)
        return status
    except ModuleNotFoundError as error:  # this Python is not that of make class
        print(f"error: {_set_up(error)}", file=sys.stderr)
    except UsageError as error:
        print(f"error: {escape.visible(str(error))}", file=sys.stderr)
    except MachineError as error:
        print(f"GRADER-ERROR: {escape.one_line(str(error), 400)}", file=sys.stderr)
    except OSError as error:
        place = escape.visible(str(error.filename or ""))
        print(f"GRADER-ERROR: {error.strerror}: {place}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    except Exception as error:  # a bug of ours: the story goes to a file, the user gets a line
        words_of = escape.one_line(str(error))
        print(f"GRADER-ERROR: {type(error).__name__}: {words_of}; {story(error)}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
