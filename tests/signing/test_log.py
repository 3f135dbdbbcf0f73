"""The signer's memory: on disk first, and nobody changes it."""

import resource

import pytest
from msgspec.structs import replace

from custody.signing.requests import Gas, Pay, Refused, Sign, Signed
from engine.model.errors import OperatorError
from tests.custody.world import GWEI
from tests.signing.test_signer import GAS, SMALL


def sign(bench, count):
    for k in range(count):
        intent = replace(SMALL, id=f"W{k}")
        assert isinstance(bench.signer.handle(Sign(Pay(intent), k, GAS)), Signed)


def test_what_was_signed_is_there_after_a_restart(bench):
    sign(bench, 3)
    before = list(bench.log.entries)
    bench.start()
    assert bench.log.entries == before
    sign_more = Sign(Pay(replace(SMALL, id="W9")), 3, GAS)
    assert isinstance(bench.signer.handle(sign_more), Signed)


def test_a_torn_last_line_is_cut_and_said(bench):
    sign(bench, 2)
    with bench.path.open("ab") as file:
        file.write(b'{"seq":3,"time":17')
    bench.start()
    assert len(bench.log.entries) == 2
    assert any("never finished" in line for line in bench.said)
    sign_more = Sign(Pay(replace(SMALL, id="W9")), 2, GAS)
    assert isinstance(bench.signer.handle(sign_more), Signed)
    bench.start()
    assert len(bench.log.entries) == 3


@pytest.mark.parametrize("line", range(3))
def test_a_changed_line_is_found_and_nothing_is_signed(bench, line):
    sign(bench, 3)
    lines = bench.path.read_bytes().split(b"\n")
    lines[line] = lines[line].replace(b'"amount":1', b'"amount":2', 1)
    bench.path.write_bytes(b"\n".join(lines))
    if line == 2:
        bench.start()  # the last one has nobody behind it: what follows will show it
        with pytest.raises(AssertionError):
            assert bench.log.entries[-1].amount == SMALL.amount
        return
    with pytest.raises(OperatorError, match=f"changed at line {line + 2}"):
        bench.start()


@pytest.mark.parametrize("line", range(2))
def test_a_line_that_was_taken_out_is_missed(bench, line):
    sign(bench, 3)
    lines = bench.path.read_bytes().split(b"\n")
    del lines[line]
    bench.path.write_bytes(b"\n".join(lines))
    with pytest.raises(OperatorError, match=f"changed at line {line + 1}"):
        bench.start()


def test_on_a_full_disk_nothing_is_signed_and_nothing_ends(bench):
    sign(bench, 1)
    size = bench.path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    request = Sign(Pay(replace(SMALL, id="W9")), 1, Gas(21_000, 3 * GWEI, GWEI))
    import signal

    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
    try:
        reply = bench.signer.handle(request)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert isinstance(reply, Refused)
    assert reply.reason == "log"
    assert isinstance(bench.signer.handle(request), Signed)
    bench.start()
    assert len(bench.log.entries) == 2
