"""A second verifier of an audit folder, which shares no line with the first.

Written from the specifications alone: RFC 6962 section 2.1 (hashes), and of c2sp.org signed-note,
tlog-checkpoint and tlog-tiles, and docs/audit.md for the period of a key. It needs Python and, for
Ed25519, `cryptography`. It knows Ed25519 keys of the log and no others, and reads nothing but the
folder: `checkpoint`, `tile`.

`python -m tests.verify.second_verifier FOLDER VKEY [NEWEST]` prints what it found; exit code 0 if
that is nothing.
"""

import base64
import hashlib
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CHANGED, MISSING, UNKNOWN, UNREADABLE = "changed", "missing", "unknown key", "unreadable"


class Rejected(Exception):
    """why: one of the four words above."""

    def __init__(self, why, what):
        super().__init__(f"{why}: {what}")
        self.why = why


def mth(hashes):
    """Merkle Tree Hash of entries by their leaf hashes, as RFC 6962, 2.1 defines it."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def b64(text):
    """Standard base64 in its one spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Rejected(UNREADABLE, "base64") from None
    if base64.b64encode(data).decode() != text:
        raise Rejected(UNREADABLE, "base64")
    return data


def parse_note(data):
    """(text, [(name, key id, signature)]) of a signed note."""
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Rejected(UNREADABLE, "UTF-8") from None
    if any(ord(char) < 32 and char != "\n" for char in whole) or "\n\n" not in whole:
        raise Rejected(UNREADABLE, "note")
    text, signatures = whole.rsplit("\n\n", 1)
    *lines, last = signatures.split("\n")
    if last or not lines:
        raise Rejected(UNREADABLE, "the last line of a note ends too")
    found = []
    for line in lines:
        dash, *rest = line.split(" ")
        if dash != "\u2014" or len(rest) != 2:
            raise Rejected(UNREADABLE, "signature")
        name, blob = rest[0], b64(rest[1])
        if not name or "+" in name or any(char.isspace() for char in name) or len(blob) < 5:
            raise Rejected(UNREADABLE, "signature")
        found.append((name, blob[:4], blob[4:]))
    return text + "\n", found


def parse_checkpoint(text):
    """(origin, size, root) of a note's text."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or "" in lines[:-1]:
        raise Rejected(UNREADABLE, "checkpoint")
    origin, size, root = lines[:3]
    if not size.isascii() or not size.isdigit() or str(int(size)) != size:
        raise Rejected(UNREADABLE, "size")
    if len(b64(root)) != 32 or len(origin.encode()) > 255 or int(size) >= 2**63:
        raise Rejected(UNREADABLE, "root")
    return origin, int(size), b64(root)


def parse_vkey(vkey):
    """(name, key id, public key, period) of an Ed25519 key's line."""
    vkey, *words = vkey.split(" ")
    period = {"from": 0, "until": 2**63} | {k: int(n) for k, n in (w.split("=") for w in words)}
    name, key_id, encoded = vkey.split("+", 2)
    key = b64(encoded)
    assert key[0] == 1, "an Ed25519 key of a log"
    assert hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() == key_id
    return name, bytes.fromhex(key_id), Ed25519PublicKey.from_public_bytes(key[1:]), period


def opened(note, vkey):
    """The checkpoint of a note that this key has signed."""
    text, signatures = parse_note(note)
    origin, size, root = parse_checkpoint(text)
    name, key_id, public, period = parse_vkey(vkey)
    mine = [signature for who, which, signature in signatures if (who, which) == (name, key_id)]
    if not mine or name != origin:
        raise Rejected(UNKNOWN, name)
    for signature in mine:
        try:
            public.verify(signature, text.encode())
        except InvalidSignature:
            raise Rejected(CHANGED, "signature") from None
    if not period["from"] <= size <= period["until"]:
        raise Rejected(CHANGED, "the key signs no checkpoint of this size")
    return size, root


def path_of(kind, index, width):
    """tlog-tiles: groups of three digits, all but the last one behind an x."""
    digits = f"{index:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[k : k + 3] for k in range(0, len(digits), 3)]
    path = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{kind}/{path}" + ("" if width == 256 else f".p/{width}")


def fetch(folder, kind, index, width):
    """A tile or bundle; the full one where the partial one has gone."""
    for form in {width: 0, 256: 0}:
        path = folder / path_of(kind, index, form)
        if path.exists():
            return path.read_bytes()
    raise Rejected(MISSING, path_of(kind, index, width))


def entries_of(data, width):
    """The entries of a bundle, `width` at least."""
    entries, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + size]
        at += 2 + size
        if len(entry) < size or at - size > len(data):
            raise Rejected(MISSING, "the end of a bundle")
        entries.append(entry)
    if len(entries) not in (width, 256):
        raise Rejected(CHANGED, f"a bundle has {len(entries)} entries")
    return entries[:width]


def pieces(count):
    """(index, width) of the tiles that so many hashes fill."""
    return [(k // 256, min(256, count - k)) for k in range(0, count, 256)]


def verify(folder, vkey, newest=None):
    """Size and root of a folder's log. newest: a checkpoint from outside. Raises Rejected."""
    folder = Path(folder)
    if not (folder / "checkpoint").exists():
        raise Rejected(MISSING, "checkpoint")
    note = (folder / "checkpoint").read_bytes()
    size, root = opened(note, vkey)
    if newest is not None:
        there, its_root = opened(newest, vkey)
        if size < there:
            raise Rejected(MISSING, f"records {size} to {there - 1}")
        if size == there and note != newest:
            raise Rejected(CHANGED, "checkpoint")
    hashes = []
    for index, width in pieces(size):
        data = fetch(folder, "entries", index, width)
        hashes += [hashlib.sha256(b"\x00" + entry).digest() for entry in entries_of(data, width)]
    if mth(hashes) != root or (newest is not None and mth(hashes[:there]) != its_root):
        raise Rejected(CHANGED, "root")
    level = 0
    while hashes:
        for index, width in pieces(len(hashes)):
            expected = b"".join(hashes[256 * index : 256 * index + width])
            found = fetch(folder, level, index, width)
            if len(found) not in (len(expected), 256 * 32):
                short = len(found) < len(expected) and expected.startswith(found)
                raise Rejected(MISSING if short else CHANGED, path_of(level, index, width))
            if found[: len(expected)] != expected:
                raise Rejected(CHANGED, path_of(level, index, width))
        hashes = [mth(hashes[k : k + 256]) for k in range(0, len(hashes) - 255, 256)]
        level += 1
    return size, root


if __name__ == "__main__":
    try:
        print(*verify(sys.argv[1], sys.argv[2], *(Path(a).read_bytes() for a in sys.argv[3:4])))
    except Rejected as rejected:
        sys.exit(str(rejected))
