"""As many file descriptors as a crowd of peers needs."""

import resource
import sys

SPARE_DESCRIPTORS = 100


def allow_descriptors(peers: int) -> None:
    """Raise this process's limit to one for each peer; ends it, saying why, if that is too many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = peers + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(f"{wanted} file descriptors are needed, the hard limit is {hard}: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
