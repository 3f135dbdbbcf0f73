"""Precision and recall of every alert, as a table; what docs/surveillance.md publishes.

.venv/bin/python -m tests.surveillance.table [--first SEED] [--count N] [--processes N] [KIND...]
"""

import argparse
from functools import partial
from multiprocessing import Pool

from tests.surveillance.scoring import (
    CALIBRATED,
    MARKET,
    merge,
    score_family,
    table,
    wrong_names,
)


def main(stage=MARKET):
    """Play, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--first", type=int, default=CALIBRATED)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("kinds", nargs="*", default=stage.kinds)
    args = parser.parse_args()
    with Pool(args.processes) as pool:
        play = partial(score_family, first=args.first, count=args.count, stage=stage)
        scores = merge(pool.map(play, args.kinds, chunksize=1))
    print(table(scores))
    for kind, score in scores.items():
        if score.missed or score.wrong:
            print(f"{kind}: missed {score.missed}, wrong about {wrong_names(score)}")


if __name__ == "__main__":
    main()
