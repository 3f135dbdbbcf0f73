"""A second copy of journal and session indexes, and the way back from it."""
