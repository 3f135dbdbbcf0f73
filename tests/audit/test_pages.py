"""The log over HTTP: what tlog-tiles says is where it says, and nothing else."""

import socket
import urllib.error
import urllib.request

import pytest
import trio

from compliance.audit.receipts import check_receipt
from compliance.audit.tile_store import LogFolder
from compliance.audit.tiles import units
from gateway.audit.pages import LogPages, log_server
from tests.audit.support import KEYS, Source, open_log, published
from tests.audit.test_receipts import venue  # noqa: F401 - a fixture

SIZE = 700


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A log of 700 entries: two full tiles of hashes, a part of one, and a tile over them."""
    source = Source(tmp_path_factory.mktemp("data") / "journal")
    source.grow(SIZE)
    folder = source.folder.parent / "audit"
    log = open_log(source, folder)
    while log.turn():
        pass
    log.close()
    source.close()
    return folder


def get(folder, path):
    return LogPages(folder).answer(path.encode())


def test_checkpoint_and_tiles_are_what_is_on_disk(folder):
    assert units(SIZE, 0) == SIZE
    for path, lasts in {
        "/checkpoint": "no-cache",
        "/tile/0/000": "public, max-age=31536000, immutable",
        "/tile/0/001": "public, max-age=31536000, immutable",
        "/tile/0/002.p/188": "public, max-age=31536000, immutable",
        "/tile/1/000.p/2": "public, max-age=31536000, immutable",
    }.items():
        status, headers, body = get(folder, path)
        assert (status, body) == (200, (folder / path[1:]).read_bytes())
        assert dict(headers)["Cache-Control"] == lasts


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/tile/0/009", 404),
        ("/tile/0/002", 404),
        ("/tile/0/002.p/187", 404),
        ("/tile/64/000", 404),
        ("/tile/00/000", 404),
        ("/tile/0/0000", 404),
        ("/tile/0/x00/000", 404),
        ("/tile/0/../../checkpoint", 404),
        ("/../journal/mark", 404),
        ("/tile/0/%2e%2e/000", 404),
        ("/tile/0/000\n", 404),
        ("//checkpoint", 404),
        ("/checkpoint.next", 404),
        ("/tile/entries/000", 403),
        ("/tile/entries/../0/000", 403),
        ("/receipt/1-1.tlog-proof.txt", 404),
        ("/receipt/999999-1.tlog-proof", 404),
        ("/receipt/-1-1.tlog-proof", 404),
    ],
)
def test_nothing_else_is_there(folder, path, status):
    found, _, body = get(folder, path)
    assert found == status
    assert b"journal" not in body or status == 403


def test_a_log_that_has_not_begun_has_no_pages(tmp_path):
    assert get(tmp_path / "audit", "/checkpoint")[0] == 404
    assert get(tmp_path / "audit", "/receipt/1-1.tlog-proof")[0] == 404


def test_a_receipt_that_was_fetched_verifies(venue):  # noqa: F811
    pages = LogPages(venue.log.folder)
    for exec_id in venue.fills[::25]:
        status, _, body = pages.answer(f"/receipt/{exec_id}.tlog-proof".encode())
        assert status == 200
        receipt = check_receipt(body, KEYS.verifiers)
        assert (receipt.exec_id, receipt.record) == (exec_id, None)
        assert receipt.signed.checkpoint == published(venue.log)


@pytest.mark.trio
async def test_it_is_served(folder):
    def fetch(port, path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log_server(folder).serve, listener)
            run = trio.to_thread.run_sync
            note = LogFolder(folder).checkpoint()
            assert await run(fetch, port, "/checkpoint?now") == (200, note)
            assert await run(fetch, port, "/tile/0/000") == (
                200, (folder / "tile/0/000").read_bytes(),
            )  # fmt: skip
            assert (await run(fetch, port, "/checkpoint", "POST"))[0] == 405
            assert (await run(fetch, port, "/tile/entries/000"))[0] == 403
            nursery.cancel_scope.cancel()
