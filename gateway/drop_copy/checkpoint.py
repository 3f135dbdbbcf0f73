"""How far drop copy has come, kept on disk: a start reads on from there.

What is kept: names and scales, where reports are by ApplSeqNum(1181), and which sessions had been
told of all reports up to that record, each with the last one that was for it. A session index that
lacks that report (it was lost with the power, or its file was taken away) is told again from its
own last one on.
"""

from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from engine.checkpoint import Checkpoints
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.follow import JournalReader
from engine.journal.place import Place
from engine.journal.snapshot_files import remove_unfinished
from engine.model.commands import DefineSession
from engine.model.errors import SnapshotDamaged
from engine.model.refdata import ReferenceData
from engine.restore import Log
from gateway.drop_copy.appl_index import ApplIndex
from gateway.flow.following import POLL_RECORDS

COPY_FORMAT: Final = 1
"""Grows with each change of what a checkpoint holds; one of another format is not read."""

Told = tuple[str, tuple[int, int]]
"""A session's CompID, and (record, k) of the last report that was for it."""


class _State(Struct, array_like=True):
    index: list[tuple[int, int, bytes]]
    told: list[Told]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


class Beginning(Struct):
    """What a start knows of the journal.

    refdata: names and scales, at least up to record `known`. index: of all reports up to record
    `indexed`. told: the sessions that have been told of all of these.
    """

    refdata: ReferenceData
    known: int
    index: ApplIndex
    indexed: int
    told: dict[str, tuple[int, int]]


class CopyCheckpoints:
    """The checkpoints of drop copy in `folder`. log: takes one line of text."""

    def __init__(self, folder: Path, log: Log, disk: Disk = REAL_DISK) -> None:
        disk.make_folder(folder)
        remove_unfinished(folder, disk)
        self._checkpoints = Checkpoints(folder, COPY_FORMAT, disk)
        self._log = log

    def beginning(self, reader: JournalReader, wanted: Iterable[str]) -> Beginning:
        """What the newest one knows, and names on to where all `wanted` sessions are known."""
        found = self._checkpoints.newest(reader, _read, self._log)
        if found is None:
            begin = Beginning(ReferenceData(), -1, ApplIndex(), -1, {})
        else:
            indexed, refdata, (index, told) = found
            begin = Beginning(refdata, indexed, index, indexed, told)
        missing = set(wanted) - {session.comp_id for session in begin.refdata.sessions.values()}
        follower = reader.follow(begin.known)
        while missing and (records := follower.poll(POLL_RECORDS)):
            for record in records:
                begin.refdata.apply(record.command)
                if isinstance(record.command, DefineSession):
                    missing.discard(record.command.comp_id)
            begin.known = follower.after
        return begin

    def write(
        self,
        reader: JournalReader,
        place: Place,
        time: int,
        refdata: ReferenceData,
        index: ApplIndex,
        told: Iterable[Told],
    ) -> Generator[int, None, None]:
        """Write one of what is known after the record of `place`. As Checkpoints.write."""
        chunk = _encode(_State(list(index.rows()), list(told)))
        yield from self._checkpoints.write(reader, place, time, refdata, [chunk])


def _read(chunks: Iterator[bytes]) -> tuple[ApplIndex, dict[str, tuple[int, int]]]:
    index = ApplIndex()
    try:
        state = _decode(next(chunks, b""))
        for member, last, places in state.index:
            index.load(member, last, places)
    except (msgspec.DecodeError, ValueError) as error:
        raise SnapshotDamaged(f"not the state of a drop copy: {error}") from error
    if next(chunks, None) is not None:
        raise SnapshotDamaged("more than the state of a drop copy")
    return index, dict(state.told)
