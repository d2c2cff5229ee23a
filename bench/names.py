"""Measure looking up names in a list of a million made-up ones: `python -m bench.names`."""

import random
import resource
import statistics
import tempfile
import time
from pathlib import Path

from builds.name_lists import NameList

MANY = 1_150_000  # of which a million are left when those that are the same are one
WORDS = 40_000
ASKED = ["a", "nu", "numpy", "data", "scikit-le", "zzzz", "qxk", "learn", "unlikely-text", "to"]


def names(many):
    dice = random.Random(1)  # noqa: S311, made-up names are no secret
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(dice.choices(letters, k=dice.randint(3, 9))) for _ in range(WORDS)]
    for _ in range(many):
        yield "-".join(dice.choices(words, k=dice.choice((1, 2, 2, 2, 3)))) + dice.choice(
            ("", "", str(dice.randint(0, 99)))
        )


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main():
    with tempfile.TemporaryDirectory() as folder:
        listed = NameList(Path(folder) / "names")
        before, started = peak(), time.perf_counter()
        many = listed.write(names(MANY))
        print(f"{many:,} names written in {time.perf_counter() - started:.1f} s, {peak() - before:.0f} MB more at peak")
        print(f"{listed.path.stat().st_size / 1e6:.1f} MB, families {listed.families.stat().st_size / 1e6:.2f} MB")
        for text in ASKED:
            took = []
            for _ in range(50):
                started = time.perf_counter()
                found = listed.search(text, 20)
                took.append((time.perf_counter() - started) * 1000)
            print(f"{text:15} {len(found):3} found, median {statistics.median(took):.2f} ms, most {max(took):.2f} ms")


if __name__ == "__main__":
    main()
