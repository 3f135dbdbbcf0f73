"""The bench of the audit log, small: every record of the journal it made is signed."""

from benchmarks import audit


def test_every_record_is_signed_and_has_a_receipt(tmp_path):
    appended, checkpoints, receipts = audit.measure(tmp_path, 100, 20)
    assert appended["leaves"] > 200
    assert checkpoints["checkpoints"] == audit.CHECKPOINTS
    assert receipts["receipts"] == 20
