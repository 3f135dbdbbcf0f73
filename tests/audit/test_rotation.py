"""New keys for a log: which key signs is a matter of size, through any cut."""

import json
import os
import shutil
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from compliance.audit.checkpoint import Checkpoint, format_checkpoint
from compliance.audit.errors import AuditRefused, SignerUnknown
from compliance.audit.key_file import format_keys, parse_keys, read_keys
from compliance.audit.keys import ED25519, open_checkpoint, parse_verifier
from compliance.audit.notes import format_note, parse_note
from compliance.audit.rotation import (
    carry_out,
    keys_after,
    last_signed,
    open_rotation,
    plan_rotation,
)
from compliance.audit.tile_store import CHECKPOINT_NAME, LogFolder, TileStore
from compliance.audit.witness import FORBIDDEN, AddCheckpoint, WitnessRefused, consider
from compliance.audit.witness import format_request as format_asked
from compliance.verify.checkpoints import Trust
from compliance.verify.findings import TAMPERED, UNKNOWN_KEY
from engine.journal.disk import REAL_DISK
from engine.model.errors import OperatorError
from gateway.cli import main
from tests.audit.support import KEYS, ORIGIN, Source, keys_of, open_log
from tests.audit.test_faults import CALLS, AuditDisk
from tests.simulation.disk import FATES, Killed, Machine, PowerLost
from tests.verify import second_verifier
from tests.verify.support import Traded, failures, verify

TIME = 1_700_000_000
KEY_TEXT = format_keys([key.text for key in KEYS.signers], ORIGIN)


def rotated(keys=KEYS, last=5, seed=1):
    """The plan, and the keys that its file has."""
    plan = plan_rotation(keys, last, Random(seed).randbytes)
    return plan, parse_keys(plan.key_file.decode(), ORIGIN)


def note_at(size, *signers):
    text = format_checkpoint(Checkpoint(ORIGIN, size, bytes(range(32))))
    return format_note(text, [key.sign(text, TIME) for key in signers])


# --- periods --------------------------------------------------------------------------------------

PLAN, AFTER = rotated()
OLD, NEW = KEYS.signers, AFTER.signers
BOTH = (*OLD, *NEW)
GOOD, BAD, UNKNOWN = None, AuditRefused, SignerUnknown


@pytest.mark.parametrize(
    ("signers", "size", "verdict"),
    [
        (OLD, 4, GOOD), (OLD, 5, GOOD), (OLD, 6, BAD), (OLD, 2**40, BAD),
        (NEW, 4, BAD), (NEW, 5, BAD), (NEW, 6, GOOD), (NEW, 2**40, GOOD),
        (BOTH, 5, BAD), (BOTH, 6, BAD),
        ((OLD[1],), 6, BAD), ((NEW[1],), 5, BAD),
        (keys_of(b"x").signers, 6, UNKNOWN),
        ((*NEW, *keys_of(b"x").signers), 6, GOOD),
    ],
)  # fmt: skip
def test_a_key_signs_the_sizes_of_its_period_and_no_others(signers, size, verdict):
    note = note_at(size, *signers)
    request = format_asked(AddCheckpoint(0, (), note))
    ed_old, ed_new = (
        key.line for key in AFTER.verifiers if key.kind == ED25519
    )  # the second verifier knows no others
    if verdict is GOOD:
        assert open_checkpoint(note, AFTER.verifiers).checkpoint.size == size
        assert consider(request, {ORIGIN: AFTER.verifiers}, lambda _: None)[0].size == size
        vkey = ed_old if signers[0] in OLD else ed_new
        assert second_verifier.opened(note, vkey)[0] == size
        return
    with pytest.raises(verdict):
        open_checkpoint(note, AFTER.verifiers)
    with pytest.raises(WitnessRefused) as caught:
        consider(request, {ORIGIN: AFTER.verifiers}, lambda _: None)
    assert caught.value.status == FORBIDDEN
    for vkey in (ed_old, ed_new):
        if verdict is UNKNOWN or len(signers) == 2:
            with pytest.raises(second_verifier.Rejected):
                second_verifier.opened(note, vkey)


def test_of_a_key_that_is_given_twice_the_narrower_period_counts():
    """Old files of keys lie about: they must not open again what was closed."""
    retired = AFTER.verifiers[0]
    for keys in ((retired, KEYS.verifiers[0]), (KEYS.verifiers[0], retired)):
        assert open_checkpoint(note_at(5, OLD[0]), keys)
        with pytest.raises(AuditRefused, match="until=5"):
            open_checkpoint(note_at(6, OLD[0]), keys)


LINE = KEYS.verifiers[0].text


@pytest.mark.parametrize(
    ("words", "good"),
    [
        (" from=1 until=9", True), (" from=7", True), (" until=0", True), (" from=3 until=3", True),
        (" from=0", False), (" until=9 from=1", False), (" from=9 until=1", False),
        (" from=01", False), (" from=", False), (" from=-1", False), (" until=x", False),
        (" from=1 from=1", False), ("  from=1", False), (" from=1 ", False), (" ", False),
        (" since=1", False), (f" until={2**63 - 1}", False), (f" until={2**64}", False),
        (" from=\u0661", False),
    ],
)  # fmt: skip
def test_a_period_has_one_spelling(words, good):
    if good:
        key = parse_verifier(LINE + words)
        assert (key.line, key.text) == (LINE + words, LINE)
        return
    with pytest.raises(AuditRefused):
        parse_verifier(LINE + words)


def test_private_keys_have_periods_too_and_are_not_shown():
    assert all(key.text.endswith(" from=6") for key in NEW)
    assert all(key.text not in repr(key) for key in NEW)


# --- a log ----------------------------------------------------------------------------------------


class Log:
    """A log, its keys in a file, and the notes that it has published."""

    def __init__(self, folder):
        self.folder, self.source = folder, Source(folder / "journal")
        self.key_file = folder / "compliance" / "log.key"
        self.key_file.parent.mkdir()
        self.key_file.write_bytes(KEY_TEXT)
        self.notes = {}

    @property
    def keys(self):
        return read_keys(self.key_file, ORIGIN)

    def grow(self, count):
        self.source.grow(count)
        with closing(open_log(self.source, self.folder / "audit", keys=self.keys)) as log:
            log.turn()
        self.notes[len(self.source.entries)] = LogFolder(self.folder / "audit").checkpoint()

    def rotate(self, seed):
        with closing(TileStore(self.folder / "audit")) as store:
            last = last_signed(store, self.keys)
            plan = plan_rotation(self.keys, last, Random(seed).randbytes)
        carry_out(plan, self.key_file, self.folder / f"{last}.note", REAL_DISK)
        return plan


@pytest.fixture
def log(tmp_path):
    made = Log(tmp_path)
    yield made
    made.source.close()


def test_a_log_goes_on_under_new_keys_twice(log):
    log.grow(300)
    log.rotate(1)
    log.grow(10)
    log.rotate(2)
    log.grow(1)
    log.grow(5)
    keys = log.keys
    assert [(key.first, key.last) for key in keys.verifiers[::2]] == [
        (0, 300), (301, 310), (311, 2**63 - 1),
    ]  # fmt: skip
    signed = {
        size: {key.first for key in open_checkpoint(note, keys.verifiers).signers}
        for size, note in log.notes.items()
    }
    assert signed == {300: {0}, 310: {301}, 311: {311}, 316: {311}}
    assert len(keys.signers) == 2, "the private ones of before are gone"


def test_keys_that_have_signed_nothing_are_not_replaced(log):
    log.grow(3)
    log.rotate(1)
    with pytest.raises(OperatorError, match="have signed nothing yet"):
        log.rotate(2)
    log.grow(1)
    log.rotate(2)


def test_a_checkpoint_on_its_way_is_still_the_old_keys(log):
    """The run was cut between preparing and publishing: it is published as it is."""
    log.grow(3)
    shutil.copytree(log.folder / "audit", log.folder / "before")
    log.grow(2)
    (log.folder / "audit" / "checkpoint.next").write_bytes(log.notes[5])
    (log.folder / "audit" / "checkpoint").write_bytes(log.notes[3])
    plan = log.rotate(1)
    assert {key.last for key in plan.rotation.old} == {5}
    log.grow(1)
    assert open_checkpoint(log.notes[6], log.keys.verifiers).checkpoint.size == 6


def test_a_log_is_not_signed_where_no_key_has_its_period(log):
    log.grow(3)
    log.key_file.write_bytes(format_keys([f"{KEYS.signers[0].text} from=9"], ORIGIN))
    with pytest.raises(OperatorError, match=r"not one of this log's|no Ed25519 key"):
        log.grow(1)
    line = f"{KEYS.signers[0].text} until=3"
    log.key_file.write_bytes(format_keys([line, KEYS.signers[1].text], ORIGIN))
    with pytest.raises(OperatorError, match="no Ed25519 key of the audit log signs"):
        log.grow(1)
    assert LogFolder(log.folder / "audit").checkpoint() == log.notes[3]


def test_keys_of_another_log_are_not_replaced(log):
    log.grow(3)
    log.key_file.write_bytes(format_keys([key.text for key in keys_of(b"x").signers], ORIGIN))
    with pytest.raises(OperatorError, match="signed with other keys"):
        log.rotate(1)


# --- faults ---------------------------------------------------------------------------------------

KEY_FILE, STATEMENT = Path("/keys/log.key"), Path("/rotations/5.note")


def machine_with_keys(seed):
    machine = Machine(Random(seed), Counter())
    disk = AuditDisk(machine, lambda: None, lambda: None)
    disk.make_folder(KEY_FILE.parent)
    fd = disk.open(KEY_FILE, os.O_RDWR | os.O_CREAT)
    disk.pwrite(fd, KEY_TEXT, 0)
    disk.sync_data(fd)
    disk.close(fd)
    disk.sync_folder(KEY_FILE.parent)
    return machine


@pytest.mark.parametrize("error", [Killed, PowerLost, OSError])
def test_a_cut_at_any_call_leaves_the_old_keys_in_force_or_the_new_ones(error):
    plan, after = rotated()
    outcomes = Counter()
    for n in range(24):
        machine = machine_with_keys(n)
        disk = AuditDisk(machine, lambda: None, lambda: None)
        if error is OSError:
            disk.fail(CALLS, n)
        else:
            disk.end(error, CALLS, n)
        with suppress(error):
            carry_out(plan, KEY_FILE, STATEMENT, disk)
        disk.kill()
        if error is PowerLost:
            machine.lose_power(FATES[n % len(FATES)])
        again = AuditDisk(machine, lambda: None, lambda: None)
        keys = read_keys(KEY_FILE, ORIGIN, again)
        signing = {size: [k.verifier.text for k in keys.signers if k.verifier.signs(size)]
                   for size in (5, 6)}  # fmt: skip
        old, new = ([key.verifier.text for key in signers] for signers in (OLD, after.signers))
        replaced = signing == {5: [], 6: new}
        assert replaced or signing == {5: old, 6: old}, (n, signing)
        if replaced:
            assert read_whole(again, STATEMENT) == plan.statement, "said before it is so"
            assert open_checkpoint(note_at(5, *OLD), keys.verifiers)
        outcomes[replaced] += 1
    assert set(outcomes) == {False, True}


def read_whole(disk, path):
    fd = disk.open(path, 0)
    return disk.pread(fd, disk.size(fd), 0)


def test_the_old_private_keys_are_overwritten_where_they_lay(tmp_path):
    path, link = tmp_path / "log.key", tmp_path / "copy"
    path.write_bytes(KEY_TEXT)
    link.hardlink_to(path)  # the same place on disk by another name
    carry_out(PLAN, path, tmp_path / "5.note", REAL_DISK)
    assert link.read_bytes() == bytes(len(KEY_TEXT))
    assert path.read_bytes() == PLAN.key_file
    assert path.stat().st_mode & 0o777 == 0o600
    for file in tmp_path.iterdir():
        assert not any(key.text.encode() in file.read_bytes() for key in OLD)


# --- the statement --------------------------------------------------------------------------------


def test_who_has_the_old_key_needs_nobodys_word_for_the_new_one():
    for known in (KEYS.verifiers, KEYS.verifiers[:1], AFTER.verifiers):
        rotation = open_rotation(PLAN.statement, known)
        assert rotation == PLAN.rotation
        after = keys_after(known, rotation)
        assert open_checkpoint(note_at(6, *NEW), after)
        assert open_checkpoint(note_at(5, OLD[0]), after)
        with pytest.raises(AuditRefused):
            open_checkpoint(note_at(6, OLD[0]), after)
    assert keys_after(AFTER.verifiers, PLAN.rotation) == [*AFTER.verifiers]


def test_a_statement_is_no_checkpoint():
    with pytest.raises(AuditRefused):
        open_checkpoint(PLAN.statement, KEYS.verifiers)
    with pytest.raises(AuditRefused):
        open_rotation(note_at(5, *OLD), KEYS.verifiers)


def test_a_statement_of_nobody_who_is_known_or_without_a_signature():
    with pytest.raises(SignerUnknown):
        open_rotation(PLAN.statement, keys_of(b"x").verifiers)
    with pytest.raises(SignerUnknown):
        open_rotation(PLAN.statement, KEYS.verifiers[1:])  # ML-DSA-44 signs no statement
    text, signatures = parse_note(PLAN.statement)
    for left in (signatures[:1], signatures[1:]):
        with pytest.raises(AuditRefused, match="has not signed"):
            open_rotation(format_note(text, left), KEYS.verifiers)
    forged = keys_of(b"x").signers[0]
    swapped = text.replace(PLAN.rotation.new[0].text, forged.verifier.text)
    note = format_note(swapped, [signatures[0], forged.sign(swapped, TIME)])
    with pytest.raises(AuditRefused):
        open_rotation(note, KEYS.verifiers)


def test_any_byte_of_a_statement_counts():
    random = Random(4)
    for _ in range(300):
        changed = bytearray(PLAN.statement)
        changed[random.randrange(len(changed))] ^= random.randrange(1, 256)
        with pytest.raises(AuditRefused):
            open_rotation(bytes(changed), KEYS.verifiers)


def test_a_statement_whose_periods_leave_a_gap_or_overlap():
    for first, last in ((5, 5), (7, 5), (6, 4)):
        old = tuple(key._replace(last=last) for key in PLAN.rotation.old)
        new = tuple(key._replace(first=first) for key in PLAN.rotation.new)
        text = "".join(
            f"{line}\n" for line in (*PLAN.rotation.text.split("\n")[:2],
                                     *(key.line for key in (*old, *new)))
        )  # fmt: skip
        note = format_note(text, [key.sign(text, TIME) for key in (OLD[0], NEW[0])])
        with pytest.raises(AuditRefused, match="from where on"):
            open_rotation(note, KEYS.verifiers)


# --- by command -----------------------------------------------------------------------------------


@pytest.fixture
def fixgate(capsys):
    def run(*args):
        code = main([*map(str, args)])
        return code, *capsys.readouterr()

    return run


def test_an_operator_replaces_the_keys_and_an_auditor_takes_them(fixgate, tmp_path):
    """The steps of docs/audit.md."""
    traded = Traded(tmp_path / "venue").trade(60)
    data, key_file = traded.data, traded.data / "compliance" / "log.key"
    key_file.parent.mkdir()
    key_file.write_bytes(KEY_TEXT)
    traded.publish()
    vkeys = tmp_path / "vkeys"
    vkeys.write_text("".join(f"{key.line}\n" for key in KEYS.verifiers))
    noon, size = traded.newest, max(traded.notes)

    code, told, err = fixgate("rotate-key", "--data", data, "--json")
    assert (code, err) == (0, "")
    found = json.loads(told)
    assert found["last"] == size
    assert b"PRIVATE" not in told.encode()
    keys = read_keys(key_file, ORIGIN)
    traded.trade(20)
    with closing(open_log(traded, data / "audit", keys=keys)) as log:
        log.turn()

    newest = LogFolder(data / "audit").checkpoint()
    assert failures(verify(data, newest, trust=Trust(KEYS.verifiers))) == {
        "checkpoint": UNKNOWN_KEY, "newest": UNKNOWN_KEY,
    }  # fmt: skip
    code, told, err = fixgate("rotate-key", "--check", found["statement"], "--key", vkeys)
    assert (code, err) == (0, "")
    vkeys.write_text(told)
    assert told.splitlines() == found["vkeys"]
    (tmp_path / "noon").write_bytes(noon)
    args = ("verify", "--data", data, "--key", vkeys, "--since", tmp_path / "noon")
    code, told, _ = fixgate(*args)
    assert code == 0, told

    # somebody has found the old key
    text = parse_note(newest).text
    forged = format_note(text, [key.sign(text, TIME) for key in OLD])
    (data / "audit" / CHECKPOINT_NAME).write_bytes(forged)
    code, told, _ = fixgate(*args)
    assert code == TAMPERED
    assert f"until={size}" in told
    traded.close()


def test_what_cannot_be_replaced_is_said(fixgate, tmp_path):
    log = Log(tmp_path)
    assert "no audit log" in fixgate("rotate-key", "--data", tmp_path)[2]
    (tmp_path / "audit").mkdir()
    assert "nothing is signed" in fixgate("rotate-key", "--data", tmp_path)[2]
    log.grow(3)
    with closing(TileStore(tmp_path / "audit")):
        code, out, err = fixgate("rotate-key", "--data", tmp_path)
    assert (code, out) == (1, "")
    assert "another process writes the audit log" in err
    code, _, err = fixgate("rotate-key", "--data", tmp_path, "--key-file", tmp_path / "none")
    assert code == 1
    assert log.key_file.read_bytes() == KEY_TEXT
    assert fixgate("rotate-key")[0] == 2
    assert fixgate("rotate-key", "--data", tmp_path, "--check", "x")[0] == 2
    assert fixgate("rotate-key", "--check", "x")[0] == 2
    code, _, err = fixgate("rotate-key", "--check", tmp_path / "none", "--key", LINE)
    assert code == 1
    assert err.startswith("fixgate: ")
    assert fixgate("rotate-key", "--data", tmp_path)[0] == 0
    log.source.close()
