"""Audit logs for tests: journals that grow, keys, and a look at a log's folder from outside."""

from compliance.audit import builder
from compliance.audit.key_file import LogKeys
from compliance.audit.keys import COSIGNER_ML_DSA_44, ED25519, SignerKey, open_checkpoint
from compliance.audit.merkle import Frontier, leaf_hash
from compliance.audit.tiles import TileReader, units
from engine.journal.disk import REAL_DISK
from tests.journal.support import open_writer, payloads
from tests.support.house import HandClock

ORIGIN = "fixgate.example/audit"


def keys_of(*seeds, origin=ORIGIN):
    """A pair of signing keys for each seed."""
    kinds = (ED25519, COSIGNER_ML_DSA_44)
    signers = tuple(SignerKey(origin, kind, seed * 32) for seed in seeds for kind in kinds)
    return LogKeys(origin, signers, tuple(signer.verifier for signer in signers))


KEYS = keys_of(b"k")


class Source:
    """A journal that grows; entries: the payloads that are durable."""

    def __init__(self, folder):
        self.folder = folder
        self.writer = open_writer(folder)
        self.entries = []

    def grow(self, count, filler=0):
        more = payloads(len(self.entries), count, filler)
        self.writer.append(more)
        self.writer.sync()
        self.entries += more

    def root(self, size):
        return Frontier(map(leaf_hash, self.entries[:size])).root()

    def close(self):
        self.writer.close()


def open_log(source, folder, disk=REAL_DISK, keys=KEYS, said=None):
    """A log that is being built; what it has to say goes to `said`."""
    tell = (said if said is not None else []).append
    return builder.open_log(source.folder, folder, lambda: keys, HandClock(), tell, disk)


def published(folder, keys=KEYS):
    """The checkpoint in a LogFolder, verified; None before the first."""
    note = folder.checkpoint()
    return None if note is None else open_checkpoint(note, keys.verifiers).checkpoint


def check(folder, source, keys=KEYS):
    """Go over all files of a LogFolder that its checkpoint names; its size, 0 before the first.

    The entries are the journal's; the hashes of each level are those of the entries.
    """
    checkpoint = published(folder, keys)
    if checkpoint is None:
        return 0
    size = checkpoint.size
    reader = TileReader(size, folder.read)
    entries = [entry for k in range(-(-size // 256)) for entry in reader.bundle(k)]
    assert entries == source.entries[:size]
    hashes = [leaf_hash(entry) for entry in entries]
    assert Frontier(hashes).root() == checkpoint.root
    level = 0
    while units(size, level):
        assert [reader.node(8 * level, k) for k in range(units(size, level))] == hashes
        hashes = [Frontier(hashes[k : k + 256]).root() for k in range(0, len(hashes) - 255, 256)]
        level += 1
    return size
