"""The command line that the exercises of labs 3 to 5 share."""

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


def where_they_end(
    kind: str, parts: list[bytes], chance: random.Random, in_rows: Callable[[bytes], str]
) -> tuple[str, str]:
    """All parts, the last one cut: where does each of this kind end?"""
    whole, last = parts[:-1], parts[-1][: chance.randrange(1, len(parts[-1]))]
    ends = [sum(map(len, whole[: count + 1])) for count in range(len(whole))]
    answer = f"  {kind}s end at {', '.join(map(str, ends))}; {len(last)} bytes wait for more"
    return f"Where does each {kind} end?\n{in_rows(b''.join(whole) + last)}", answer
