"""An evidence file of some records: the others are hashes, and none of the range can be missing."""

import json
from contextlib import closing
from random import Random

import pytest

from compliance.audit.tiles import bundle_path, encode_bundle, tile_path
from compliance.verify.checkpoints import Trust
from compliance.verify.evidence_file import EvidenceFile
from compliance.verify.evidence_making import Wanted, make_evidence
from compliance.verify.findings import INCOMPLETE, NOT_DONE, OK, TAMPERED
from engine.model.errors import OperatorError
from gateway.cli import main
from tests.audit.support import KEYS
from tests.verify.evidence_mutants import packed, parts_of
from tests.verify.support import failures, note_of, played, results, silent, texts, verify

FIRST, LAST = 300, 600
"""Asked for: records 256 to 767 are in."""


class Ranged:
    """A log of some 900 records, out of its bundles alone, and the file of a range of them."""

    def __init__(self, folder):
        self.entries = played(900)[:900]
        self.note = note_of(self.entries)
        self.early = note_of(self.entries, 400)
        self.data = folder / "data"
        for index in range(4):
            some = self.entries[256 * index : 256 * index + 256]
            path = self.data / "audit" / bundle_path(index, len(some))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_bundle(some))
        (self.data / "audit" / "checkpoint").write_bytes(self.note)
        self.path = folder / "range.tar"
        with self.path.open("wb") as file:
            self.made = make_evidence(self.wanted((FIRST, LAST)), file, silent)
        whole = self.path.read_bytes()
        self.members = {
            part.name: whole[part.content : part.content + part.size] for part in parts_of(whole)
        }

    def wanted(self, span, exports=()):
        return Wanted(self.data, KEYS.verifiers, exports, "1.2.3", span)

    def changed(self, to, **files):
        """The file with other members; None leaves one out. Names have their slashes as `__`."""
        members = self.members | {name.replace("__", "/"): data for name, data in files.items()}
        to.write_bytes(packed((n, data) for n, data in members.items() if data is not None))
        return to


@pytest.fixture(scope="module")
def ranged(tmp_path_factory):
    return Ranged(tmp_path_factory.mktemp("ranged"))


def check(path, newest=None, span=(FIRST, LAST), **options):
    with closing(EvidenceFile(path)) as evidence:
        return verify(evidence, newest, span=span, trust=Trust(KEYS.verifiers), **options)


def test_a_range_is_shown_to_be_whole(ranged):
    report = check(ranged.path, ranged.note, earlier=(("noon", ranged.early),))
    assert report.code == 0, failures(report)
    found = results(report)
    for name in ("members", "range", "root", "earlier noon", "tiles", "bundles", "records"):
        assert found[name] == OK, name
    assert "256 to 767" in texts(report, "records")
    for name in ("entries", "re-run", "priority", "sums"):
        assert found[name] == NOT_DONE, name
    assert (ranged.made.first, ranged.made.last, ranged.made.size) == (256, 767, 900)


def test_of_other_records_there_is_nothing_but_hashes(ranged):
    whole = ranged.path.read_bytes()
    for number, entry in enumerate(ranged.entries):
        assert (entry in whole) == (256 <= number < 768), number


@pytest.mark.parametrize(
    ("span", "code"),
    [
        ((256, 767), 0), ((256, 256), 0), ((767, 767), 0), ((255, 300), INCOMPLETE),
        ((300, 768), INCOMPLETE), ((0, 899), INCOMPLETE), (None, INCOMPLETE),
    ],
)  # fmt: skip
def test_who_asks_for_more_is_told(ranged, span, code):
    """And who asks for nothing: a file of some records must not pass for one of all."""
    report = check(ranged.path, ranged.note, span)
    assert report.code == code
    if code:
        assert "256 to 767 alone" in texts(report, "range")


BUNDLE = f"audit/{bundle_path(1)}"
LEAVES = f"audit/{tile_path(0, 1)}"
OTHER_LEAVES = f"audit/{tile_path(0, 3, 132)}"
ROOTS = f"audit/{tile_path(1, 0, 3)}"


@pytest.mark.parametrize(
    ("name", "check_that_fails"),
    [(BUNDLE, "bundles"), (LEAVES, "root"), (OTHER_LEAVES, "root"), (ROOTS, "tiles")],
)
def test_a_changed_byte_anywhere_is_found(ranged, tmp_path, name, check_that_fails):
    random = Random(name)
    for _ in range(12):
        changed = bytearray(ranged.members[name])
        changed[random.randrange(len(changed))] ^= random.randrange(1, 256)
        path = ranged.changed(tmp_path / "changed.tar", **{name: bytes(changed)})
        found = failures(check(path, ranged.note))
        assert next(iter(found)) == check_that_fails
        assert found[check_that_fails] == TAMPERED


def test_what_is_left_out_of_it_is_missed(ranged, tmp_path):
    path = tmp_path / "less.tar"
    for name in (BUNDLE, LEAVES, OTHER_LEAVES, ROOTS):
        assert check(ranged.changed(path, **{name: None}), ranged.note).code == INCOMPLETE
    cut = ranged.members[LEAVES][:-32]
    assert check(ranged.changed(path, **{LEAVES: cut}), ranged.note).code == INCOMPLETE
    more = ranged.members[OTHER_LEAVES] + bytes(32)
    assert check(ranged.changed(path, **{OTHER_LEAVES: more}), ranged.note).code == TAMPERED


def test_a_record_that_is_left_out_of_a_bundle_is_missed(ranged, tmp_path):
    """With the next ones moved up, one put in at the end, or a bundle of other records."""
    some = ranged.entries[256:512]
    for forged in ([*some[:9], *some[10:]], [*some[:9], *some[10:], some[9]], ranged.entries[:256]):
        path = ranged.changed(tmp_path / "forged.tar", **{BUNDLE: encode_bundle(forged)})
        assert failures(check(path, ranged.note)) == {"bundles": TAMPERED}


def test_a_file_that_says_it_is_of_less(ranged, tmp_path):
    """Somebody has left a bundle out, and said so: it is whole in itself, and not what was asked
    for."""
    contents = json.loads(ranged.members["evidence.json"])
    less = dict(contents, records=[512, 768])
    text = (json.dumps(less, indent=2) + "\n").encode()
    path = ranged.changed(tmp_path / "less.tar", **{"evidence.json": text, BUNDLE: None})
    assert failures(check(path, ranged.note)).keys() >= {"range"}
    assert check(path, ranged.note).code in (INCOMPLETE, TAMPERED)
    for records in ([0, 900], [256, 900], [300, 768], [256, 2000], [-256, 768], [768, 256], [256]):
        text = (json.dumps(dict(contents, records=records), indent=2) + "\n").encode()
        path = ranged.changed(tmp_path / "says.tar", **{"evidence.json": text})
        assert check(path, ranged.note).code, records


def test_by_command(ranged, tmp_path, capsys):
    out, keys = tmp_path / "range.tar", tmp_path / "vkeys"
    keys.write_text("".join(f"{key.line}\n" for key in KEYS.verifiers))
    made = ["evidence", "--data", ranged.data, "--key", keys, "--out", out]
    assert main([*map(str, made), "--from", str(FIRST), "--to", str(LAST)]) == 0
    told = capsys.readouterr().out
    assert "--from 256 --to 767" in told
    assert out.read_bytes() == ranged.path.read_bytes()
    looked = [*map(str, ("verify", out, "--key", keys, "--from", FIRST, "--to", LAST))]
    assert main(looked) == 0
    assert main(looked[:4]) == INCOMPLETE


def test_ranges_that_cannot_be_had(ranged, tmp_path):
    for span, exports, said in (((0, 900), (), "no 900 yet"), ((0, 9), (tmp_path,), "export")):
        with (tmp_path / "out").open("wb") as file, pytest.raises(OperatorError, match=said):
            make_evidence(ranged.wanted(span, exports), file, silent)
