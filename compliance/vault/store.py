"""The vault on disk: log, slots and index in one folder, keys and tombstones in another.

Whoever does anything holds the lock, knows what others have done, and first goes on with what was
cut: keys that were to be destroyed are, also those that a copy has brought back.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from compliance.event_file import EventFile, EventsBusy
from compliance.vault.errors import VaultBusy, VaultRefused
from compliance.vault.events import KeyFoundAgain, SubjectErased, VaultEvent
from compliance.vault.key_file import KeyFile, KeyRing, new_ring
from compliance.vault.sealing import (
    DESTROYED,
    KEY_BYTES,
    NONCE_BYTES,
    SLOT_BYTES,
    TAG_BYTES,
    unwrap_key,
    wrap_key,
)
from compliance.vault.slots import Slots
from compliance.vault.state import VaultState
from compliance.vault.tombstones import Tombstones
from engine.journal.disk import REAL_DISK, Disk
from engine.secret import SecretBytes

EVENTS_NAME: Final = "events"
COPIES: Final = ("data_keys.a", "data_keys.b")
INDEX_NAME: Final = "index"
LOCK_NAME: Final = "lock"

_NO_TAG: Final = bytes(TAG_BYTES)


class _Log(EventFile[VaultEvent]):
    """What has happened in the vault of one key file; see EventFile."""

    magic = b"fixgate vault 1\n"
    kind = VaultEvent


class VaultStore:
    """See above. Everything raises OSError, OperatorError if a file is not what was written, and
    VaultRefused; `alone` VaultBusy of these."""

    def __init__(
        self,
        folder: Path,
        keys: KeyFile,
        now: Callable[[], int],
        chance: Callable[[int], bytes],
        disk: Disk = REAL_DISK,
    ) -> None:
        """now: the time, ns UTC. chance: gives so many bytes that nobody can guess."""
        self.state = VaultState()
        self.now = now
        self.chance = chance
        self._folder = folder
        self._keys = keys
        self._disk = disk
        self._file: _Log | None = None
        self._count = 0
        self._awake = False
        self._ring: KeyRing | None = None
        self._slots = Slots(tuple(folder / name for name in COPIES), SLOT_BYTES, disk)
        self._index = Slots((folder / INDEX_NAME,), TAG_BYTES, disk)

    @property
    def ring(self) -> KeyRing:
        """The keys, as they were when `alone` began or as `change_keys` has made them."""
        assert self._ring is not None, "whoever asks holds the lock"
        return self._ring

    @property
    def tombstones(self) -> Tombstones:
        """Who was erased."""
        return Tombstones(self._keys.path, self.ring.index, self._disk)

    @contextmanager
    def alone(self) -> Iterator[VaultState]:
        """The vault as it is now, with nobody else at work."""
        with self._locked():
            self._ring = self._keys.read()
            if self._ring is None:
                raise VaultRefused(f"there are no keys at {self._keys.path}: see `vault init`")
            self._look()
            if not self.state.tenant:
                raise VaultRefused(f"there is no vault in {self._folder}: see `vault init`")
            self._wake()
            self.destroy_pending()
            yield self.state

    @contextmanager
    def founding(self) -> Iterator[None]:
        """A folder in which there is no vault yet, with its keys. Cut, it is begun again."""
        self._disk.make_folder(self._folder)
        with self._locked():
            there = EVENTS_NAME in self._disk.names(self._folder)
            self._ring = self._keys.read()
            if self._ring is None:
                if there:
                    raise VaultRefused(f"{self._folder} has data, and its keys are not there")
                self.change_keys(new_ring(self.chance))
            self._look()
            if self.state.tenant:
                raise VaultRefused(f"there is a vault in {self._folder} already")
            yield

    def append(self, event: VaultEvent) -> None:
        """Have an event on disk, then believe it."""
        assert self._file is not None, "whoever appends has looked"
        try:
            self._file.append(self._count, event)
        except EventsBusy as error:
            raise VaultBusy(str(error)) from None
        self._take(event)

    def log(self) -> list[VaultEvent]:
        """All events, from the first one on."""
        return self._opened().read(0)

    # --- keys ---------------------------------------------------------------------------------

    def change_keys(self, ring: KeyRing) -> None:
        """Have these in the key file."""
        self._keys.write(ring)
        self._ring = ring

    def new_data_key(self, name: str, slot: int) -> None:
        """Put a new subject's key into its slot, both copies."""
        key = SecretBytes(self.chance(KEY_BYTES))
        self._slots.write({slot: self._wrapped(key, name)})

    def data_key(self, name: str) -> SecretBytes:
        """A subject's key."""
        return self._unwrapped(name, self._slots.slot(self.state.subjects[name].slot))

    def wrap_all_again(self) -> None:
        """Wrap every data key by the first of the keys, in place. Nothing is written if one of them
        does not open."""
        copies = self._slots.read()
        wrapped = {}
        for name, subject in self.state.subjects.items():
            if not subject.gone:
                parts = [self._slots.part(data, subject.slot) for data in copies]
                wrapped[subject.slot] = self._wrapped(self._unwrapped(name, parts), name)
        self._slots.write(wrapped)

    def _unwrapped(self, name: str, copies: list[bytes]) -> SecretBytes:
        """The key in whichever copy is whole."""
        for slot in copies:
            key = unwrap_key(slot, self.ring.keys, self._whose(name))
            if key is not None:
                return key
        raise VaultRefused(f"neither copy of the key of {name} opens: put back a copy of the vault")

    def _wrapped(self, key: bytes, name: str) -> bytes:
        ring, nonce = self.ring, self.chance(NONCE_BYTES)
        return wrap_key(ring.first, ring.keys[ring.first], nonce, key, self._whose(name))

    def _whose(self, name: str) -> str:
        return f"{self.state.tenant}|{name}"

    # --- index --------------------------------------------------------------------------------

    def put_tag(self, tag: bytes) -> int:
        """Put a tag into the next place of the index; it counts once an event names the place."""
        place = self.state.places
        self._index.write({place: tag})
        return place

    def tagged(self, field: str, tag: bytes) -> tuple[str, ...]:
        """The subjects whose newest value of a field has this tag."""
        (data,) = self._index.read()
        return tuple(
            name
            for name, subject in self.state.subjects.items()
            if (value := subject.values.get(field)) is not None
            and value.place >= 0
            and self._index.part(data, value.place) == tag
        )

    # --- destruction --------------------------------------------------------------------------

    def destroy_pending(self) -> None:
        """Destroy the keys of those whose erasure is decided. What is half done is done again from
        the start: after a sync that failed nobody knows what is on disk."""
        for name in sorted(self.state.pending):
            subject = self.state.subjects[name]
            self.tombstones.add([name])
            self._index.write(dict.fromkeys(subject.places, _NO_TAG))
            self._slots.write({subject.slot: DESTROYED})
            self.append(SubjectErased(self.now(), name))

    def find_again(self) -> None:
        """Look whether somebody who was erased is there again."""
        copies, (tags,) = self._slots.read(), self._index.read()
        dead = self.tombstones.read()
        for name, subject in self.state.subjects.items():
            is_back = name in dead and not subject.gone
            if subject.destroyed and not is_back:
                parts = [self._slots.part(data, subject.slot) for data in copies]
                parts += [self._index.part(tags, place) for place in subject.places]
                is_back = any(map(any, parts))
            if is_back:
                self.append(KeyFoundAgain(self.now(), name))

    def _wake(self) -> None:
        """At the first look of a process: the files may have come from a copy."""
        if not self._awake:
            self.find_again()
            self._awake = True

    # --- below --------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            fd = self._disk.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT)
        except FileNotFoundError:
            raise VaultRefused(f"there is no vault in {self._folder}: see `vault init`") from None
        try:
            self._disk.lock(fd)
            yield
        except BlockingIOError:
            raise VaultBusy("somebody else is at work on the vault: try again") from None
        finally:
            self._disk.close(fd)

    def _opened(self) -> _Log:
        return _Log(self._folder / EVENTS_NAME, self.ring.id, self._disk)

    def _look(self) -> None:
        if self._file is None:
            self._file = self._opened()
        for event in self._file.read(self._count):
            self._take(event)

    def _take(self, event: VaultEvent) -> None:
        self._count += 1
        self.state.take(event)
