"""Mutants of a data folder: a byte changed, something dropped, swapped, doubled, cut or rolled
back, in a file of the journal, the tiles, the bundles, or the checkpoint. Seeded."""

from contextlib import contextmanager
from typing import NamedTuple

from compliance.audit.tiles import bundle_path, decode_bundle, tile_path, units
from compliance.verify.findings import INCOMPLETE, TAMPERED, UNREADABLE
from engine.journal.frame import read_frame
from engine.journal.segment import SEGMENT_HEADER_BYTES
from tests.verify import second_verifier

CHECKPOINT = "audit/checkpoint"


class Mutant(NamedTuple):
    """files: by path what is there now, None for nothing. code: what verify has to say."""

    name: str
    files: dict
    code: int


class Mutants:
    """Of a folder whose log is of `size` records. older: notes of checkpoints before."""

    def __init__(self, data, size, older, random):
        self.data, self.size, self.older, self.random = data, size, older, random
        self.segments = sorted(p.relative_to(data).as_posix() for p in data.glob("journal/*.seg"))
        self.frames = {path: self._frames(path) for path in self.segments}
        self.tiles = [
            f"audit/{tile_path(level, *piece)}"
            for level in range(8)
            for piece in second_verifier.pieces(units(size, level))
        ]
        self.bundles = [f"audit/{bundle_path(*piece)}" for piece in second_verifier.pieces(size)]

    def read(self, path):
        return (self.data / path).read_bytes()

    def _frames(self, path):
        """(begin, end) of each signed record's frame in a segment."""
        data, at, found = self.read(path), SEGMENT_HEADER_BYTES, []
        while (frame := read_frame(data, at)) is not None and frame.number < self.size:
            found.append((at, frame.end))
            at = frame.end
        return found

    def draw(self):
        """One mutant: other bytes than the folder's."""
        while True:
            kind = self.random.choices(
                (self.journal, self.tile, self.bundle, self.checkpoint), (4, 3, 3, 1)
            )[0]
            mutant = kind()
            if any(data != self._there(path) for path, data in mutant.files.items()):
                return mutant

    def _there(self, path):
        return self.read(path) if (self.data / path).exists() else None

    # --- any file -----------------------------------------------------------------------------

    def changed(self, path, begin, end):
        """One byte of a part of a file."""
        data = bytearray(self.read(path))
        data[self.random.randrange(begin, end)] ^= self.random.randrange(1, 256)
        return {path: bytes(data)}

    def doubled(self, path, begin, end):
        """A run of bytes comes twice."""
        data = self.read(path)
        one, two = sorted(self.random.sample(range(begin, end + 1), 2))
        return {path: data[:two] + data[one:]}

    def cut(self, path, begin, end):
        return {path: self.read(path)[: self.random.randrange(begin, end)]}

    # --- the journal --------------------------------------------------------------------------

    def journal(self):
        path = self.random.choice(self.segments)
        frames, data = self.frames[path], self.read(path)
        end = frames[-1][1]
        k = self.random.randrange(len(frames) - 1)
        one, two = frames[k], frames[self.random.randrange(k + 1, len(frames))]
        match self.random.randrange(8):
            case 0 | 1:
                return Mutant(f"changed {path}", self.changed(path, 0, end), TAMPERED)
            case 2:
                rest = data[: one[0]] + data[one[1] :]
                return Mutant(f"frame {k} dropped from {path}", {path: rest}, INCOMPLETE)
            case 3:
                swapped = (
                    data[: one[0]] + data[slice(*two)] + data[one[1] : two[0]]
                    + data[slice(*one)] + data[two[1] :]
                )  # fmt: skip
                return Mutant(f"frame {k} swapped in {path}", {path: swapped}, TAMPERED)
            case 4:
                twice = data[: one[1]] + data[one[0] :]
                return Mutant(f"frame {k} doubled in {path}", {path: twice}, TAMPERED)
            case 5:
                return Mutant(f"{path} cut", self.cut(path, 0, end), INCOMPLETE)
            case 6:
                back = data[: one[1]] + bytes(len(data) - one[1])
                return Mutant(f"{path} rolled back to frame {k}", {path: back}, INCOMPLETE)
            case _:
                return self.segment(path)

    def segment(self, path):
        """A whole segment is gone, or another one is in its place."""
        other = self.random.choice(self.segments)
        if other == path:
            return Mutant(f"{path} dropped", {path: None}, INCOMPLETE)
        files = {path: self.read(other), other: self.read(path)}
        return Mutant(f"{path} and {other} swapped", files, TAMPERED)

    # --- the log's folder ---------------------------------------------------------------------

    def tile(self):
        return self.file(self.random.choice(self.tiles), self.tiles)

    def bundle(self):
        path = self.random.choice(self.bundles)
        if self.random.random() < 0.4:
            return self.entries(path)
        return self.file(path, self.bundles)

    def file(self, path, others):
        size = len(self.read(path))
        other = self.random.choice(others)
        match self.random.randrange(7):
            case 0 | 1:
                return Mutant(f"changed {path}", self.changed(path, 0, size), TAMPERED)
            case 2:
                return Mutant(f"{path} dropped", {path: None}, INCOMPLETE)
            case 3:
                files = {path: self.read(other), other: self.read(path)}
                return Mutant(f"{path} and {other} swapped", files, TAMPERED)
            case 4:
                return Mutant(f"doubled in {path}", self.doubled(path, 0, size), TAMPERED)
            case 5:
                return Mutant(f"{path} cut", self.cut(path, 0, size), INCOMPLETE)
            case _:
                older = self.read(path)[: size // 64 * 32]
                return Mutant(f"{path} rolled back", {path: older}, INCOMPLETE)

    def entries(self, path):
        """A bundle that is whole, and has other entries."""
        data = self.read(path)
        entries = decode_bundle(data, int(path.rpartition(".p/")[2]) if ".p/" in path else 256)
        k = self.random.randrange(len(entries) - 1)
        other = self.random.randrange(k + 1, len(entries))
        match self.random.randrange(3):
            case 0:
                del entries[k]
            case 1:
                entries[k], entries[other] = entries[other], entries[k]
            case _:
                entries.insert(k, entries[k])
        packed = b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
        return Mutant(f"entry {k} of {path}", {path: packed}, TAMPERED)

    # --- the checkpoint -----------------------------------------------------------------------

    def checkpoint(self):
        note = self.read(CHECKPOINT)
        text, signatures = note.split(b"\n\n")
        lines = signatures.splitlines(keepends=True)
        match self.random.randrange(7):
            case 0 | 1:
                files = self.changed(CHECKPOINT, 0, len(note))
            case 2:
                return Mutant("no checkpoint", {CHECKPOINT: None}, INCOMPLETE)
            case 3:
                files = {CHECKPOINT: text + b"\n\n" + b"".join(lines[::-1])}
            case 4:
                files = self.doubled(CHECKPOINT, 0, len(note))
            case 5:
                files = self.cut(CHECKPOINT, 0, len(note))
            case _:
                older = self.random.choice(self.older)
                return Mutant("checkpoint rolled back", {CHECKPOINT: older}, INCOMPLETE)
        return Mutant("checkpoint changed", files, self._code(files[CHECKPOINT]))

    def _code(self, note):
        """Of a changed checkpoint: whether it still is one, says who has never seen our code."""
        try:
            text, _ = second_verifier.parse_note(note)
            second_verifier.parse_checkpoint(text)
        except second_verifier.Rejected:
            return UNREADABLE
        return TAMPERED


@contextmanager
def applied(data, mutant):
    """The folder as the mutant has it, for as long as it is looked at."""
    before = {path: (data / path).read_bytes() for path in mutant.files}
    try:
        for path, content in mutant.files.items():
            if content is None:
                (data / path).unlink()
            else:
                (data / path).write_bytes(content)
        yield
    finally:
        for path, content in before.items():
            (data / path).write_bytes(content)
