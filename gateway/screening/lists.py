"""The operator's files of sanctions lists, read again when they change."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from compliance.screening.listed import ListMalformed, SanctionsList
from compliance.screening.ofac import FILES, MAX_FILE_BYTES, read_ofac
from compliance.settings import ScreeningSettings

Made = TypeVar("Made")

Stamp = tuple[tuple[str, int, int], ...]
"""Path, time of change and size of each file."""


class Lists(Generic[Made]):
    """Something that is made of all lists, and made anew when one of their files has changed."""

    def __init__(
        self,
        folder: Path,
        settings: ScreeningSettings,
        make: Callable[[list[SanctionsList]], Made],
    ) -> None:
        """folder: that relative ones are in."""
        self._places = [(one.source, folder / one.folder) for one in settings.lists]
        self._make = make
        self._stamp: Stamp = ()
        self._made: Made | None = None

    def get(self) -> Made:
        """It, as of the files that are there now. Raises ListMalformed, OSError: a list that cannot
        be read whole screens nobody, and neither does the one before it, which is not in force."""
        stamp = self._stamp_now()
        if self._made is None or stamp != self._stamp:
            self._made = None
            self._made = self._make([self._read(source, at) for source, at in self._places])
            self._stamp = stamp
        return self._made

    def _stamp_now(self) -> Stamp:
        found = []
        for _, folder in self._places:
            for name in FILES:
                path = folder / name
                if path.exists():
                    status = path.stat()
                    found.append((str(path), status.st_mtime_ns, status.st_size))
        return tuple(found)

    def _read(self, source: str, folder: Path) -> SanctionsList:
        files = {}
        for name in FILES:
            path = folder / name
            if path.exists():
                with path.open("rb") as file:
                    files[name] = file.read(MAX_FILE_BYTES + 1)
        if not files:
            raise ListMalformed(f"{source}: there is no list in {folder}")
        return read_ofac(source, files)
