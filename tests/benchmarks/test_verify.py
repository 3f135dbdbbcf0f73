"""The bench of the verifier, small: all is well, and what it took is told."""

from benchmarks import verify


def test_an_export_and_all_that_is_signed_are_verified(tmp_path):
    exported, verified, *evidence = verify.measure(tmp_path, 100, "transactions")
    assert (exported["command"], verified["command"]) == ("export", "verify")
    assert exported["kind"] == "transactions"
    assert [found["command"] for found in evidence] == ["evidence", "verify FILE"]
    assert verified["records"] == 200
    assert verified["max_mib"] > 30
