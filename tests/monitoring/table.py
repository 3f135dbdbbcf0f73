"""Precision and recall of every alert about money, as a table; what docs/monitoring.md publishes.

.venv/bin/python -m tests.monitoring.table [--first SEED] [--count N] [--processes N] [KIND...]
"""

from tests.monitoring.scoring import MONEY
from tests.surveillance.table import main

if __name__ == "__main__":
    main(MONEY)
