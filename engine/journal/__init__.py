"""The journal: frames, segments, recovery, following readers, and the one file that syncs."""
