"""The file of customers and the file of names: two who write, a machine that stops."""

import os
import stat

import pytest

from compliance.kyc.desk import KycDesk
from compliance.kyc_file import KycBusy, KycFile
from compliance.name_file import NameFile
from engine.model.errors import OperatorError
from tests.journal.support import FaultyDisk
from tests.kyc.support import ANNA, BEN, DIRECTOR, FIRM, OWNER, START

JOURNAL = b"j" * 16


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_decided_is_known_again(tmp_path):
    path = tmp_path / "compliance" / "customers"
    desk = KycDesk(KycFile(path, JOURNAL))
    desk.invite("ACME", ANNA, START)
    desk.submit(1, FIRM, ANNA, START)
    again = KycDesk(KycFile(path, JOURNAL)).customers
    assert again == desk.customers
    assert again[1].file == FIRM
    assert mode(path) == 0o600


def test_whoever_decides_on_an_old_picture_is_told_so(tmp_path):
    desks = [KycDesk(KycFile(tmp_path / "customers", JOURNAL)) for _ in range(2)]
    desks[0].invite("ACME", ANNA, START)
    with pytest.raises(KycBusy, match="faster"):
        desks[1].invite("ACME", BEN, START)
    assert desks[1].customers == {}


def test_names_are_kept_by_their_ids_for_this_user_alone(tmp_path):
    path = tmp_path / "compliance" / "names.json"
    names = NameFile(path)
    assert names.name(OWNER) is None
    names.add({OWNER: "Anna Berg"})
    names.add({DIRECTOR: "Бен", OWNER: "Anna Berg"})
    assert [NameFile(path).name(p) for p in (OWNER, DIRECTOR)] == ["Anna Berg", "Бен"]
    assert mode(path) == 0o600


def test_an_id_is_one_names_for_ever(tmp_path):
    names = NameFile(tmp_path / "names.json")
    names.add({OWNER: "Anna Berg"})
    with pytest.raises(ValueError, match="is another name's"):
        names.add({DIRECTOR: "Ben", OWNER: "Cora Dahl"})
    assert names.name(OWNER) == "Anna Berg"
    assert names.name(DIRECTOR) is None


@pytest.mark.parametrize("data", [b"", b"[]", b'{"p-1": 2}', b'{"p-1": "Anna'])
def test_a_file_that_holds_no_names_is_not_taken_for_an_empty_one(tmp_path, data):
    path = tmp_path / "names.json"
    path.write_bytes(data)
    for act in (lambda: NameFile(path).name(OWNER), lambda: NameFile(path).add({OWNER: "A"})):
        with pytest.raises(OperatorError, match="put back its copy"):
            act()
    assert path.read_bytes() == data


def test_whoever_comes_while_another_writes_is_told_so(tmp_path):
    path = tmp_path / "names.json"

    class Slow(FaultyDisk):
        def sync_data(self, fd):
            with pytest.raises(OperatorError, match="try again"):
                NameFile(path).add({DIRECTOR: "Ben"})
            super().sync_data(fd)

    NameFile(path, Slow([], 0)).add({OWNER: "Anna Berg"})
    NameFile(path).add({DIRECTOR: "Ben"})
    assert [NameFile(path).name(p) for p in (OWNER, DIRECTOR)] == ["Anna Berg", "Ben"]


def test_an_error_at_any_call_leaves_the_old_names_or_the_new(tmp_path):
    path = tmp_path / "names.json"
    NameFile(path).add({OWNER: "Anna Berg"})

    class Failing(FaultyDisk):
        def _fail(self, *_):
            raise OSError(28, os.strerror(28))

    for call in ("make_folder", "open", "pwrite", "sync_data", "rename", "sync_folder"):
        disk = Failing([], 0)
        setattr(disk, call, disk._fail)
        with pytest.raises(OSError, match="No space"):
            NameFile(path, disk).add({DIRECTOR: "Ben"})
        known = NameFile(path).name(DIRECTOR)
        assert known is None or call == "sync_folder"
        assert NameFile(path).name(OWNER) == "Anna Berg"
