"""Identifiers. All are small integers given by the journal; names live in reference data.

A record number counts from 0 over the life of the venue. An order's id is the number of the
record that created it, so no counter of its own can drift from the log.
"""

from typing import Final

NOBODY: Final = 0
"""Id 0 is never given out: it stands for "none" wherever an id may be absent."""

VENUE_ACCOUNT: Final = 0
"""The account that collects fees; it belongs to no member."""
