"""Mutants of an evidence file: a byte changed anywhere, a member dropped, swapped, doubled, put
elsewhere, the file cut or added to, a state rolled back. Seeded; tar is read by Python's own."""

import io
import tarfile
from typing import NamedTuple

from compliance.verify.findings import INCOMPLETE, TAMPERED, UNREADABLE
from tests.verify.mutants import Mutants

BLOCK = 512
NOTES = ("audit/checkpoint", "audit/checkpoint.cosigned")
FINDINGS = (TAMPERED, INCOMPLETE, UNREADABLE)


class Part(NamedTuple):
    """A member as it lies in the file: its header from `begin` on, its content, and its end."""

    name: str
    begin: int
    content: int
    size: int
    end: int


class FileMutant(NamedTuple):
    """codes: those that verify may end with."""

    name: str
    data: bytes
    codes: tuple


def parts_of(data):
    """The members of a tar, by somebody else's reader."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [
            Part(
                found.name,
                found.offset,
                found.offset_data,
                found.size,
                found.offset_data + -(-found.size // BLOCK) * BLOCK,
            )
            for found in tar
        ]


def packed(members):
    """A tar of (name, content), as somebody else's writer makes it."""
    out = io.BytesIO()
    for name, content in members:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
        header[329:345] = b"0000000\0" * 2  # two ways to say: no device
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        out.write(bytes(header) + content + bytes(-len(content) % BLOCK))
    return out.getvalue() + bytes(2 * BLOCK)


def unpacked(data, folder):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        tar.extractall(folder, filter="data")
    return folder


class FileMutants:
    """Of an evidence file. older: one of before, of the same venue; folder: it, unpacked."""

    def __init__(self, data, older, folder, size, notes, random):
        self.data, self.older, self.random = data, older, random
        self.parts = parts_of(data)
        self.inner = Mutants(folder, size, notes, random)

    def draw(self):
        """One mutant: other bytes than the file's."""
        kinds = (self.byte, self.dropped, self.moved, self.doubled, self.cut, self.more, self.back,
                 self.inside)  # fmt: skip
        while True:
            mutant = self.random.choices(kinds, (4, 2, 1, 1, 2, 1, 1, 4))[0]()
            if mutant.data != self.data:
                return mutant

    def content(self, part):
        return self.data[part.content : part.content + part.size]

    def byte(self):
        """Anywhere: half of them in what small members, headers and filling have."""
        at = self.random.randrange(len(self.data))
        part = self.random.choice(self.parts)
        if self.random.random() < 0.5:
            at = self.random.randrange(part.begin, min(part.end, part.content + 2 * BLOCK))
        changed = bytearray(self.data)
        changed[at] ^= self.random.randrange(1, 256)
        mutant = FileMutant(f"byte {at}", bytes(changed), (UNREADABLE,))
        for part in self.parts:
            if part.content <= at < part.content + part.size:
                content = bytes(changed[part.content : part.content + part.size])
                return mutant._replace(codes=self._codes(part, content))
        return mutant  # a header, the filling, the end mark

    def _codes(self, part, content):
        """What a changed byte of a member's content has to be found as."""
        if part.name in NOTES:
            return (self.inner._code(content),)
        settled = part.name == "vkeys" or part.name.startswith("audit/tile/")
        if settled or part.name.endswith(("trades.csv", "orders.json")):
            return (TAMPERED,)
        return FINDINGS  # words about the rest: whether they still are JSON, and of what

    def dropped(self):
        part = self.random.choice(self.parts)
        rest = self.data[: part.begin] + self.data[part.end :]
        return FileMutant(f"{part.name} dropped", rest, (INCOMPLETE,))

    def moved(self):
        """Two members change places, each whole."""
        one, two = sorted(self.random.sample(self.parts, 2), key=lambda part: part.begin)
        data = self.data
        swapped = (
            data[: one.begin] + data[two.begin : two.end] + data[one.end : two.begin]
            + data[one.begin : one.end] + data[two.end :]
        )  # fmt: skip
        return FileMutant(f"{one.name} and {two.name} moved", swapped, (TAMPERED,))

    def doubled(self):
        one, two = self.random.choice(self.parts), self.random.choice(self.parts)
        twice = self.data[: two.end] + self.data[one.begin : one.end] + self.data[two.end :]
        return FileMutant(f"{one.name} doubled after {two.name}", twice, (TAMPERED,))

    def cut(self):
        at = self.random.randrange(len(self.data))
        if self.random.random() < 0.3:
            at = self.random.choice(self.parts).end
        return FileMutant(f"cut at {at}", self.data[:at], (INCOMPLETE,))

    def more(self):
        tail = self.random.choice((b"\0", b"x", self.data[: 3 * BLOCK], bytes(BLOCK)))
        return FileMutant("more behind the end", self.data + tail, (UNREADABLE,))

    def back(self):
        """The whole file is of before, or one member that says how far it goes."""
        if self.random.random() < 0.3:
            return FileMutant("rolled back", self.older, (INCOMPLETE,))
        name = self.random.choice(NOTES)
        (then,) = (part for part in parts_of(self.older) if part.name == name)
        note = self.older[then.content : then.content + then.size]
        codes = (INCOMPLETE,) if name == NOTES[0] else (TAMPERED,)
        return FileMutant(f"{name} rolled back", self._with({name: note}), codes)

    def inside(self):
        """A mutant of the log's files, packed again by whoever changed them."""
        mutant = self.random.choice((self.inner.tile, self.inner.bundle, self.inner.checkpoint))()
        code = mutant.code
        if all(path in self.inner.bundles and content for path, content in mutant.files.items()):
            code = TAMPERED  # no journal says how a bundle that is cut would go on
        return FileMutant(mutant.name, self._with(mutant.files), (code,))

    def _with(self, files):
        """The file with other contents in the places of these; None: without it."""
        members = ((part.name, files.get(part.name, self.content(part))) for part in self.parts)
        return packed((name, content) for name, content in members if content is not None)
