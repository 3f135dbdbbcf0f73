"""The audit log beside a second implementation: Go's golang.org/x/mod/sumdb, by others, in another
language. It verifies our checkpoints, tiles, entries and proofs, and we its."""

import json
import os
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from compliance.audit.keys import ED25519, open_checkpoint
from compliance.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from tests.audit.support import KEYS, ORIGIN, Source, open_log
from tests.support.needs import needs

HERE = Path(__file__).parent / "second"

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """Runs the program."""
    go = shutil.which("go")
    needs("go", there=go is not None)
    program = tmp_path_factory.mktemp("second") / "second"
    environment = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    subprocess.run([go, "build", "-o", program, "."], cwd=HERE, env=environment, check=True)

    def run(*args):
        return subprocess.run([program, *args], capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Folders of logs of ours, by size."""
    folder = tmp_path_factory.mktemp("ours")
    source = Source(folder / "journal")
    logs = {}
    for size in (1, 255, 256, 700, 66_000):
        source.grow(size - len(source.entries))
        logs[size] = folder / str(size)
        log = open_log(source, logs[size])
        while log.turn():
            pass
        log.close()
    source.close()
    return logs


(LOG_KEY,) = (key for key in KEYS.verifiers if key.kind == ED25519)
(LOG_SIGNER,) = (key for key in KEYS.signers if key.verifier.kind == ED25519)


def test_it_verifies_our_logs(second, ours):
    for size, folder in ours.items():
        checked = second("check", folder, LOG_KEY.text)
        assert checked.stdout == f"{size}\n", checked.stderr


@pytest.mark.parametrize(
    "path", ["checkpoint", "tile/0/001", "tile/1/000.p/2", "tile/entries/002.p/188"]
)
def test_it_finds_what_is_changed(second, ours, tmp_path, path):
    folder = tmp_path / "log"
    shutil.copytree(ours[700], folder)
    data = bytearray((folder / path).read_bytes())
    data[40] ^= 1
    (folder / path).write_bytes(data)
    assert second("check", folder, LOG_KEY.text).returncode == 1


def test_we_verify_its_log(second):
    made = json.loads(second("make", "300", LOG_SIGNER.text).stdout)
    signed = open_checkpoint(b64decode(made["note"]), [LOG_KEY])
    assert signed.checkpoint[:2] == (ORIGIN, 300)
    roots, root = [*map(b64decode, made["roots"])], signed.checkpoint.root
    assert roots[-1] == root
    for n in range(300):
        leaf = b64decode(made["leaves"][n])
        assert leaf == leaf_hash(b"entry %d" % n)
        verify_inclusion(leaf, n, 300, [*map(b64decode, made["inclusion"][n])], root)
        proof = [*map(b64decode, made["consistency"][n])]
        verify_consistency(n + 1, 300, proof, roots[n], root)
