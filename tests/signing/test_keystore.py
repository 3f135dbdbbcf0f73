"""The seed on disk."""

import pytest

from custody.signing.keystore import create_keystore, open_keystore
from engine.model.errors import OperatorError
from engine.password import read_password

RANDOM = bytes(range(60))


@pytest.fixture
def keystore(tmp_path):
    path = tmp_path / "keystore.json"
    create_keystore(path, b"secret", RANDOM)
    return path


def test_the_password_opens_it(keystore):
    assert open_keystore(keystore, b"secret") == RANDOM[:32]


def test_another_password_does_not(keystore):
    with pytest.raises(OperatorError, match="the password is another one") as caught:
        open_keystore(keystore, b"Secret")
    assert "secret" not in str(caught.value).lower()


def test_the_seed_is_not_in_the_file(keystore):
    data = keystore.read_bytes()
    assert RANDOM[:32] not in data
    assert RANDOM[:32].hex().encode() not in data


def test_any_changed_byte_is_found(keystore):
    data = keystore.read_bytes()
    at = data.index(b"sealed") + 12
    changed = bytearray(data)
    changed[at] = ord("A") if changed[at] != ord("A") else ord("B")
    keystore.write_bytes(changed)
    with pytest.raises(OperatorError, match="damaged"):
        open_keystore(keystore, b"secret")


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"version":2}'])
def test_what_is_no_keystore_is_refused(keystore, data):
    keystore.write_bytes(data)
    with pytest.raises(OperatorError, match="no keystore"):
        open_keystore(keystore, b"secret")


def test_keys_are_never_written_over(keystore):
    with pytest.raises(OperatorError, match="never written over"):
        create_keystore(keystore, b"secret", RANDOM)


def test_what_others_can_read_is_refused(keystore, tmp_path):
    keystore.chmod(0o640)
    with pytest.raises(OperatorError, match="chmod 600"):
        open_keystore(keystore, b"secret")
    password = tmp_path / "password"
    password.write_bytes(b"secret\n")
    password.chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        read_password(password)
    password.chmod(0o600)
    assert read_password(password) == b"secret"


@pytest.mark.parametrize("data", [b"", b"\n", b"x" * 2_000])
def test_a_password_has_some_bytes_and_not_too_many(tmp_path, data):
    path = tmp_path / "password"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(OperatorError, match="1 to 1024 bytes"):
        read_password(path)
