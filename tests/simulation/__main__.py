"""`python -m tests.simulation --seed N`: one run, or many; a failure shows its last events."""

import argparse
import sys
import time
from collections import Counter

from tests.simulation.simulation import COMMANDS, Failed, simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, one after the other")
    parser.add_argument("--steps", type=int, default=COMMANDS, help="members' messages per run")
    parser.add_argument("-v", action="store_true", help="show every event")
    args = parser.parse_args()
    tally: Counter[str] = Counter()
    began = time.process_time()
    for seed in range(args.seed, args.seed + args.seeds):
        try:
            world = simulate(seed, args.steps, trace=print if args.v else None)
        except Failed as error:
            print(str(error).rpartition("\n")[2] if args.v else error)
            print(f"again: python -m tests.simulation --seed {seed} --steps {args.steps} -v")
            return 1
        tally += world.tally
        if sys.stderr.isatty():
            done = seed - args.seed + 1
            print(f"\r{done} of {args.seeds} seeds", end="", file=sys.stderr, flush=True)
    print(f"{args.seeds} seeds, {time.process_time() - began:.1f} s of CPU")
    for name, count in sorted(tally.items()):
        print(f"{count:10}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
