"""How long one name takes against a sanctions list, in JSON lines.

    .venv/bin/python -m benchmarks.screening [--names N] [--asked N]

The list is made of words that are drawn as often as words of names are: a few very often, most
seldom. Half of the names that are asked about are the list's, with a letter changed. A name's time
is of the processor, for one call of Matcher.name.
"""

import argparse
import json
import random
import re
import time

from compliance.screening.listed import Listed, SanctionsList
from compliance.screening.matcher import Matcher

NAMES = 40_000
ASKED = 200
CUT_OFF = 8_500
SYLLABLES = re.findall(
    "[A-Z]+", "AL AN BA BE DA DI EL FA GO HA JA KA LE MA MO NA OR PE RA SA SHA TO UR VA YU"
)


def drawn(names, seed=1):
    """A list of so many names, of two to four words."""
    rng = random.Random(seed)
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) for _ in range(12_000)]
    often = [1 / (1 + k) for k in range(len(words))]
    made = [rng.choices(words, often, k=rng.randint(2, 4)) for _ in range(names)]
    return SanctionsList(
        "drawn", "", tuple(Listed(k, "individual", "", (" ".join(n),)) for k, n in enumerate(made))
    )


def measure(names=NAMES, asked=ASKED):
    """Milliseconds for a name, and how many were found."""
    rng = random.Random(2)
    there = drawn(names)
    began = time.perf_counter()
    matcher = Matcher([there], CUT_OFF)
    ready = time.perf_counter() - began
    others = drawn(asked, seed=3).entries
    took, hits = [], 0
    for k in range(asked):
        name = rng.choice(there.entries).names[0] if k % 2 else others[k].names[0]
        at = rng.randrange(len(name))
        name = name[:at] + rng.choice("AEIOST") + name[at + 1 :]
        began = time.process_time()
        hits += matcher.name(name).is_hit
        took.append(time.process_time() - began)
    took.sort()
    return {
        "names": names,
        "asked": asked,
        "hits": hits,
        "ready_seconds": round(ready, 2),
        "p50_ms": round(took[asked // 2] * 1_000, 1),
        "p99_ms": round(took[asked * 99 // 100] * 1_000, 1),
        "most_ms": round(took[-1] * 1_000, 1),
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--names", type=int, default=NAMES)
    parser.add_argument("--asked", type=int, default=ASKED)
    args = parser.parse_args()
    print(json.dumps(measure(args.names, args.asked)))


if __name__ == "__main__":
    main()
