"""The file of customers: two who write, and what was decided is known again."""

import stat

import pytest

from compliance.event_file import EventsBusy
from compliance.kyc.desk import KycDesk
from compliance.kyc_file import KycFile
from tests.kyc.support import ANNA, BEN, FIRM, START

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
    with pytest.raises(EventsBusy, match="faster"):
        desks[1].invite("ACME", BEN, START)
    assert desks[1].customers == {}
