"""Everything with a socket: FIX sessions, order entry, drop copy, supervisor, command line."""

from typing import Final

__version__: Final = "0.1.0"
