"""Long runs say how far they are, on a terminal only."""

import sys


def progress(text):
    """Show where a run is, in place of what was shown before."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
