"""The files of a log that is verified, wherever they were handed in."""

from collections.abc import Iterator
from typing import Final, Protocol

from compliance.audit.tile_store import LogFolder

TILE_FOLDER: Final = "tile"
BUNDLE_FOLDER: Final = "tile/entries"


class LogFiles(Protocol):
    """Read-only. Paths are those of compliance.audit.tiles. Raises OSError."""

    def read(self, path: str) -> bytes | None:
        """What is at a path, None if there is nothing."""
        ...

    def checkpoint(self) -> bytes | None:
        """The published checkpoint, None if there is none."""
        ...

    def there(self) -> bool:
        """Whether there is a log at all."""
        ...

    def has(self, folder: str) -> bool:
        """Whether there is a folder, such as TILE_FOLDER."""
        ...

    def names(self) -> Iterator[str]:
        """The paths of all tiles and bundles."""
        ...


class FolderLog(LogFolder):
    """The folder of a log, or a copy of it. See LogFiles."""

    def there(self) -> bool:
        """See LogFiles."""
        return self.folder.is_dir()

    def has(self, folder: str) -> bool:
        """See LogFiles."""
        return (self.folder / folder).is_dir()

    def names(self) -> Iterator[str]:
        """See LogFiles."""
        for path in sorted((self.folder / TILE_FOLDER).rglob("*")):
            if not path.is_dir():
                yield path.relative_to(self.folder).as_posix()
