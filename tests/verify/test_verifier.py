"""What an auditor is told of a data folder, check by check, with its code."""

import tarfile

import pytest

from compliance.audit.errors import AuditRefused
from compliance.audit.keys import COSIGNER_ED25519, COSIGNER_ML_DSA_44, ED25519, SignerKey
from compliance.audit.tile_store import LogFolder
from compliance.verify.checkpoints import Trust, check_trust
from compliance.verify.findings import INCOMPLETE, NOT_DONE, OK, TAMPERED, UNKNOWN_KEY, UNREADABLE
from compliance.verify.meaning import MEANING
from engine.journal.files import open_reader
from tests.audit.support import KEYS, ORIGIN, keys_of, open_log
from tests.golden.record import HERE
from tests.golden.test_golden import RELEASES
from tests.journal.support import open_writer
from tests.verify.support import Traded, failures, meaning, note_of, results, texts, verify


@pytest.fixture(scope="session")
def entries(traded):
    """The payloads of its journal."""
    reader = open_reader(traded.folder)
    yield reader.follow(-1).poll_payloads(10**6)
    reader.close()


def put(data, note):
    (data / "audit" / "checkpoint").write_bytes(note)


# --- all well -------------------------------------------------------------------------------------


def test_a_venues_folder_is_well(traded):
    old, new = sorted(traded.notes)
    report = verify(
        traded.data, traded.newest, earlier=(("noon", traded.notes[old]),), span=(3, new - 1)
    )
    assert report.code == 0
    done = {check: result for check, result in results(report).items() if result != OK}
    assert done == {"witnesses": NOT_DONE}
    assert any("none of it is signed" in text for text in report.unchecked)


def test_a_folder_that_a_venue_writes_to_is_well(tmp_path):
    """Records, tiles and prepared checkpoints that are newer than the published one are no harm."""
    venue = Traded(tmp_path).trade(60).publish().trade(300)
    report = verify(tmp_path, venue.newest)
    assert report.code == 0
    assert "records that are newer than the checkpoint" in report.unchecked[0]
    before = venue.newest
    venue.publish()
    put(tmp_path, before)  # the tiles are there first
    report = verify(tmp_path, before)
    assert report.code == 0
    assert "files of a later tree" in " ".join(report.unchecked)
    venue.close()


def test_a_journal_and_a_checkpoint_do(traded, data):
    """Without the log's folder the newest checkpoint is the one to go by."""
    (data / "audit").rename(data / "kept")
    report = verify(data, traded.newest)
    found = results(report)
    assert report.code == 0
    assert {found[check] for check in ("checkpoint", "tiles", "bundles")} == {NOT_DONE}
    assert {found[check] for check in ("newest", "entries", "root", *MEANING)} == {OK}


def test_the_logs_folder_alone_does(traded, data):
    (data / "journal").rename(data / "kept")
    report = verify(data, traded.newest)
    assert report.code == 0
    assert "bundles" in texts(report, "entries")
    assert report.unchecked[0].startswith("the journal")


def test_what_was_not_given_is_said(traded):
    report = verify(traded.data)
    assert report.code == 0
    assert [c for c, r in results(report).items() if r == NOT_DONE] == [
        "newest",
        "witnesses",
        "range",
    ]
    unchecked = " ".join(report.unchecked)
    assert "--checkpoint" in unchecked
    assert "--witness" in unchecked


def test_files_of_before_may_be_there_or_not(traded, data):
    """A partial tile whose place a wider one has taken is looked at if it is there."""
    old, _ = sorted(traded.notes)
    stale = data / "audit" / "tile" / "0" / f"000.p/{old}"
    assert not stale.exists(), "a full tile replaced it"
    stale.parent.mkdir()
    full = (data / "audit" / "tile" / "0" / "000").read_bytes()
    stale.write_bytes(full[: 32 * old])
    assert verify(data, traded.newest).code == 0
    stale.write_bytes(full[:1] + full[: 32 * old - 1])
    assert failures(verify(data, traded.newest)) == {"tiles": TAMPERED}


@pytest.mark.parametrize("release", RELEASES)
def test_a_past_releases_journal_is_well(release, tmp_path):
    """Whose records have fewer fields than this release writes."""
    with tarfile.open(HERE / f"{release}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    (found,) = tmp_path.rglob("*.seg")
    reader = open_reader(found.parent)
    entries = reader.follow(-1).poll_payloads(10**6)
    reader.close()
    report = meaning(entries)
    assert report.code == 0, failures(report)
    assert "records of an older release" in texts(report, "re-run")


def test_a_log_without_records(tmp_path):
    (tmp_path / "audit").mkdir()
    put(tmp_path, note_of([]))
    assert verify(tmp_path).code == 0


# --- who signed -----------------------------------------------------------------------------------


def test_a_key_that_nobody_gave(data):
    report = verify(data, trust=Trust(keys_of(b"x").verifiers))
    assert failures(report) == {"checkpoint": UNKNOWN_KEY}
    assert results(report)["sums"] == NOT_DONE


def test_a_signature_that_is_wrong(data, traded):
    text, signatures = traded.newest.split(b"\n\n")
    put(data, text.replace(b"\n2", b"\n3", 1) + b"\n\n" + signatures)
    assert failures(verify(data)) == {"checkpoint": TAMPERED}


def test_what_is_no_checkpoint(data):
    put(data, b"a checkpoint, honestly\n")
    assert failures(verify(data)) == {"checkpoint": UNREADABLE}


def test_a_checkpoint_that_is_missing(data, traded):
    (data / "audit" / "checkpoint").unlink()
    report = verify(data, traded.newest)
    assert failures(report) == {"checkpoint": INCOMPLETE}


def cosigners(*names, kind=COSIGNER_ED25519):
    return tuple(SignerKey(f"{name}.example", kind, name[:1].encode() * 32) for name in names)


def trusting(signers, quorum):
    return Trust(KEYS.verifiers, tuple(signer.verifier for signer in signers), quorum)


def test_witnesses_are_counted(data, entries):
    three = cosigners("anna", "bert", "carl")
    put(data, note_of(entries, more=three[:2]))
    report = verify(data, trust=trusting(three, 2))
    assert report.code == 0
    assert "2 of 2 asked for: anna.example, bert.example" in texts(report, "witnesses")
    report = verify(data, trust=trusting(three, 3))
    assert failures(report) == {"witnesses": UNKNOWN_KEY}
    assert results(report)["sums"] == OK, "all else is told all the same"


def test_witnesses_may_have_signed_the_one_from_outside(data, entries):
    """The folder's own is a moment ahead of them."""
    three = cosigners("anna", "bert", "carl")
    cosigned = note_of(entries, size=200, more=three[:2])
    report = verify(data, trust=trusting(three, 2), newest=cosigned)
    assert report.code == 0
    assert "2 of 2 asked for: anna.example, bert.example, of 200" in texts(report, "witnesses")
    report = verify(data, trust=trusting(three, 3), newest=cosigned)
    assert failures(report) == {"witnesses": UNKNOWN_KEY}


def test_a_witness_counts_once_with_two_keys(data, entries):
    twice = cosigners("anna") + cosigners("anna", kind=COSIGNER_ML_DSA_44)
    put(data, note_of(entries, more=twice))
    others = (*twice, *cosigners("bert"))
    assert verify(data, trust=trusting(others, 1)).code == 0
    assert failures(verify(data, trust=trusting(others, 2))) == {"witnesses": UNKNOWN_KEY}


def test_a_witness_whose_signature_is_wrong_spoils_the_checkpoint(data, entries):
    (anna,) = cosigners("anna")
    text, signatures = note_of(entries, more=[anna]).split(b"\n\n")
    _, other = note_of(entries, size=100, more=[anna]).split(b"\n\n")
    lines = signatures.splitlines(keepends=True)[:-1] + other.splitlines(keepends=True)[-1:]
    put(data, text + b"\n\n" + b"".join(lines))
    assert verify(data).code == 0, "whoever does not know the witness passes it over"
    assert failures(verify(data, trust=trusting([anna], 1))) == {"checkpoint": TAMPERED}


def test_whom_nobody_can_trust():
    (anna,) = (signer.verifier for signer in cosigners("anna"))
    stranger = keys_of(b"x", origin="another.example/log").verifiers
    itself = SignerKey(ORIGIN, COSIGNER_ED25519, b"y" * 32).verifier
    plain = SignerKey("dora.example", ED25519, b"d" * 32).verifier
    for trust in (
        Trust(()),
        Trust((*KEYS.verifiers, *stranger)),
        Trust(KEYS.verifiers, (anna,), 2),
        Trust(KEYS.verifiers, (anna,), -1),
        Trust(KEYS.verifiers, (itself,), 1),
        Trust(KEYS.verifiers, (plain,), 1),
    ):
        with pytest.raises(AuditRefused):
            check_trust(trust)
    check_trust(Trust(KEYS.verifiers, (anna,), 1))


# --- checkpoints that the auditor holds -----------------------------------------------------------


def test_a_folder_that_was_rolled_back(traded, data, entries):
    """All of it is an older state, and well in itself."""
    old, _ = sorted(traded.notes)
    put(data, traded.notes[old])
    assert verify(data).code == 0
    assert failures(verify(data, traded.newest)) == {"newest": INCOMPLETE}


def test_two_roots_of_one_size(traded, data, entries):
    forked = note_of([*entries[:-1], b"another end"])
    assert failures(verify(data, forked)) == {"newest": TAMPERED}


def test_a_checkpoint_of_before_that_is_of_another_history(traded, data, entries):
    """Given as the newest or as an older one, its root is another than the entries give there."""
    forked = note_of([b"another beginning", *entries[1:]], 100)
    assert failures(verify(data, forked)) == {"newest": TAMPERED}
    earlier = (("noon", forked), ("one", note_of(entries, 100)))
    report = verify(data, traded.newest, earlier=earlier)
    assert failures(report) == {"earlier noon": TAMPERED}
    assert results(report)["earlier one"] == OK


def test_a_checkpoint_of_more_records_than_there_are(traded, data, entries):
    larger = note_of([*entries, b"one more"])
    assert failures(verify(data, earlier=(("noon", larger),))) == {"earlier noon": INCOMPLETE}


def test_what_the_auditor_brings_has_to_be_signed_too(traded, data, entries):
    stranger = note_of(entries, keys=keys_of(b"x"))
    assert failures(verify(data, stranger)) == {"newest": UNKNOWN_KEY}
    report = verify(data, traded.newest, earlier=(("noon", b"words"),))
    assert failures(report) == {"earlier noon": UNREADABLE}


def test_a_line_of_the_signatures_is_missing(traded, data):
    """The other signature is good, and the one checkpoint of this size has both."""
    cut = b"".join(traded.newest.splitlines(keepends=True)[:-1])
    report = verify(data, traded.newest, earlier=(("noon", cut),))
    assert failures(report) == {"earlier noon": TAMPERED}
    put(data, cut)
    assert verify(data).code == 0
    assert failures(verify(data, traded.newest)) == {"newest": TAMPERED}


def test_the_range_that_is_asked_for(traded, data):
    size = max(traded.notes)
    assert verify(data, span=(5, size - 1)).code == 0
    assert failures(verify(data, span=(5, size))) == {"range": INCOMPLETE}


# --- what is not what was signed ------------------------------------------------------------------


def test_a_record_that_was_forged_with_care(traded, data, entries):
    """CRCs and chain are made anew, so that the journal's reader sees nothing."""
    forged = entries.copy()
    forged[200] = forged[200][:-1] + bytes([forged[200][-1] ^ 1])
    for path in (data / "journal").iterdir():
        path.unlink()
    writer = open_writer(data / "journal")
    writer.append(forged)
    writer.sync()
    writer.close()
    report = verify(data, traded.newest)
    assert failures(report) == {"root": TAMPERED, "tiles": TAMPERED, "bundles": TAMPERED}
    assert "record 200" in texts(report, "bundles")
    assert results(report)["re-run"] == NOT_DONE


def test_a_journal_that_was_cut_short(traded, data, entries):
    (segment,) = (data / "journal").glob("*.seg")
    whole = segment.read_bytes()
    segment.write_bytes(whole[:5_000])
    report = verify(data, traded.newest)
    assert failures(report) == {"entries": INCOMPLETE}
    assert results(report)["root"] == results(report)["bundles"] == NOT_DONE
    segment.unlink()
    assert failures(verify(data, traded.newest)) == {"entries": INCOMPLETE}


def test_the_mark_is_no_evidence(traded, data):
    """How far the journal may be read is what is signed."""
    (data / "journal" / "mark").write_bytes(b"")
    assert verify(data, traded.newest).code == 0


def test_a_segment_that_nobody_asked_for(traded, data):
    (segment,) = (data / "journal").glob("*.seg")
    segment.with_name(f"{100:020}.seg").write_bytes(segment.read_bytes())
    assert failures(verify(data, traded.newest)) == {"entries": TAMPERED}


def test_files_that_are_no_tiles(traded, data):
    for name in ("0/1", "0/000.p/300", "entries/x000/001", "0/000.p/16.old", "readme"):
        path = data / "audit" / "tile" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        assert failures(verify(data, traded.newest)) == {"tiles": UNREADABLE}, name
        path.unlink()


def test_there_is_nothing_to_check(traded, tmp_path):
    put_here = tmp_path / "audit"
    put_here.mkdir()
    put(tmp_path, traded.newest)
    assert failures(verify(tmp_path)) == {"entries": INCOMPLETE}
    assert failures(verify(tmp_path / "nothing", traded.newest)) == {"entries": INCOMPLETE}


def test_bundles_that_are_missing_or_changed_where_they_are_all_there_is(traded, data):
    (data / "journal").rename(data / "kept")
    bundle = data / "audit" / "tile" / "entries" / "000"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    assert failures(verify(data, traded.newest)) == {"root": TAMPERED, "tiles": TAMPERED}
    bundle.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    assert failures(verify(data, traded.newest)) == {"entries": TAMPERED}
    bundle.unlink()
    assert failures(verify(data, traded.newest)) == {"entries": INCOMPLETE}


def test_a_log_that_goes_on_is_still_the_same(traded, data):
    """Verified, then continued by the venue, then verified with what was newest before."""
    log = open_log(traded, data / "audit")
    log.close()
    assert LogFolder(data / "audit").checkpoint() == traded.newest
    assert verify(data, traded.newest).code == 0
