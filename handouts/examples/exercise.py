"""The command line that the exercises of labs 3 and 4 share."""

import argparse
import random
from collections.abc import Callable

Exercise = Callable[[random.Random], tuple[str, str]]  # makes a question and its answer


def ask(about: str, exercises: dict[str, Exercise]) -> None:
    """Prints the question of the exercise that the command line names, and the answer if wanted."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("exercise", choices=exercises)
    parser.add_argument("--seed", type=int, default=1, help="another seed, another exercise")
    parser.add_argument("--answer", action="store_true")
    given = parser.parse_args()
    question, answer = exercises[given.exercise](random.Random(f"{given.exercise} {given.seed}"))
    print(question)
    if given.answer:
        print(f"Answer\n{answer}")
