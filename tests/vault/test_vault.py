"""Values in and out: sealed for their place, read by those who say why, written down before."""

import errno
import itertools
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.vault.errors import VaultBusy, VaultRefused
from compliance.vault.events import Actor, ReadAllowed, SearchAllowed, ValuePut
from compliance.vault.policy import Purpose, Role
from compliance.vault.sealing import Place, index_tag, open_value, seal_value
from compliance.vault.vault import MAX_VALUE_BYTES
from engine.model.errors import OperatorError
from engine.secret import SecretBytes
from tests.custody.secrets_known import forms
from tests.journal.support import UnsyncedDisk
from tests.vault.support import (
    ANNA,
    BEN,
    GIVES,
    GIVES_TOO,
    GLASS,
    KEEPS,
    MAIL,
    NAME,
    OLGA,
    open_vault,
    refused,
)


def test_what_was_put_is_read_again_by_another_process(world):
    subject = world.vault.put(ANNA, "", "name", NAME)
    world.vault.put(ANNA, subject, "mail", MAIL, schema=3)
    assert subject.startswith("s-")
    assert len(subject) == 34
    vault = world.open()
    assert (vault.get(BEN, subject, "name"), vault.get(ANNA, subject, "mail")) == (NAME, MAIL)
    vault.put(ANNA, subject, "name", SecretBytes(b"Maria Berger"))
    assert world.vault.get(ANNA, subject, "name") == b"Maria Berger"


def test_nothing_of_a_value_or_a_key_is_on_disk(world):
    subject = world.vault.put(ANNA, "", "name", NAME, indexed=True)
    world.vault.get(ANNA, subject, "name")
    assert world.vault.search(ANNA, "name", NAME) == (subject,)
    ring = world.vault._store.ring
    raw = world.raw()
    for secret in (NAME, ring.index, *ring.keys.values(), world.vault._store.data_key(subject)):
        for name, form in forms(bytes(secret)).items():
            assert form not in raw, name
    assert oct(world.keys.stat().st_mode & 0o777) == "0o600"


def test_every_read_is_on_disk_with_its_purpose(world):
    vault = world.vault
    subject = vault.put(ANNA, "", "name", NAME, indexed=True)
    review = Actor(ANNA.by, ANNA.role, Purpose.REVIEW)
    vault.get(review, subject, "name")
    vault.search(BEN, "name", NAME)
    read, search = [e for e in vault.log(OLGA) if isinstance(e, ReadAllowed | SearchAllowed)]
    assert (read.actor, read.subject, read.field) == (review, subject, "name")
    assert (search.actor, search.field, search.found) == (BEN, "name", (subject,))
    assert world.kinds()[-1] == "LogRead"


def test_a_read_that_cannot_be_written_down_gives_nothing(world):
    """At every call that may fail between the question and the answer."""
    subject = world.vault.put(ANNA, "", "name", NAME)

    for kind in ("pwrite", "sync_data"):
        disk = UnsyncedDisk({kind}, 0, errno.ENOSPC)
        vault = open_vault(world.data, world.keys, disk, world.time)
        with pytest.raises(OSError, match="No space"):
            vault.get(ANNA, subject, "name")
        assert disk.calls == 1
    assert world.open().get(ANNA, subject, "name") == NAME


def test_who_looks_into_the_log_while_the_value_is_given_finds_it(world, monkeypatch):
    subject = world.vault.put(ANNA, "", "name", NAME)
    seen = []

    def spying(*args):
        seen.extend(world.vault._store.log())
        return open_value(*args)

    monkeypatch.setattr("compliance.vault.vault.open_value", spying)
    world.vault.get(ANNA, subject, "name")
    assert isinstance(seen[-1], ReadAllowed)


def test_breaking_the_glass_is_heard(world):
    subject = world.vault.put(ANNA, "", "name", NAME)
    world.vault.get(ANNA, subject, "name")
    assert world.alarms == []
    assert world.vault.get(GLASS, subject, "name") == NAME
    assert world.alarms == [f"break-glass: p-gus reads name of {subject}"]


def test_an_alarm_that_nobody_hears_gives_nothing(world):
    subject = world.vault.put(ANNA, "", "name", NAME)

    def broken(text):
        raise OSError(errno.EPIPE, text)

    world.vault._alarm = broken
    with pytest.raises(OSError, match="break-glass"):
        world.vault.get(GLASS, subject, "name")


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (("Maria Huber", "name"), "a subject is s- and 32 hexadecimal digits"),
        (("s-" + "0" * 32, "name"), "there is no s-0"),
        (("", "Name"), "a field is named in small letters"),
        (("", "no|bar"), "a field is named in small letters"),
    ],
)
def test_names_that_are_none_are_refused_and_not_repeated(world, said, match):
    with refused(match) as _:
        world.vault.get(ANNA, *said)
    assert b"Maria" not in world.raw()


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (SecretBytes(b""), "1 to 65,536 bytes"),
        (SecretBytes(b"Maria" * MAX_VALUE_BYTES), "1 to 65,536 bytes"),
        (SecretBytes(b"\xffMaria Huber"), "a text in UTF-8"),
    ],
)
def test_values_that_are_none_are_refused_without_a_word_of_them(world, value, match):
    try:
        world.vault.put(ANNA, "", "name", value)
    except VaultRefused as error:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True)
                       .format())  # fmt: skip
    assert match in told
    assert "Maria" not in told
    assert "ValuePut" not in world.kinds()


def test_a_value_opens_in_its_own_place_alone():
    """Any other tenant, subject, field, schema, key or nonce, and any changed byte, is refused."""
    key, nonce = b"k" * 32, b"n" * 12
    place = Place("acme", "s-1", "name", 1)
    sealed = seal_value(key, nonce, NAME, place)
    assert open_value(key, nonce, sealed, place) == NAME
    others = [
        Place(*parts)
        for parts in itertools.product(("acme", "boreas"), ("s-1", "s-2"), ("name", "mail"), (1, 2))
        if parts != ("acme", "s-1", "name", 1)
    ]
    for other in others:
        with refused("was changed"):
            open_value(key, nonce, sealed, other)
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1 << at % 8
        with refused("was changed"):
            open_value(key, nonce, bytes(changed), place)
    for wrong in ((b"K" * 32, nonce), (key, b"N" * 12)):
        with refused("was changed"):
            open_value(*wrong, sealed, place)


def test_no_nonce_and_no_key_is_used_twice(world):
    vault = world.vault
    subjects = [vault.put(ANNA, "", "name", NAME) for _ in range(5)]
    for subject in subjects:
        vault.put(ANNA, subject, "mail", MAIL)
    puts = [event for event in vault._store.log() if isinstance(event, ValuePut)]
    assert len({put.nonce for put in puts}) == len({put.sealed for put in puts}) == 10
    with vault._store.alone():
        assert len({bytes(vault._store.data_key(subject)) for subject in subjects}) == 5


def test_a_value_is_found_without_reading_the_others(world, monkeypatch):
    vault = world.vault
    first = vault.put(ANNA, "", "name", NAME, indexed=True)
    second = vault.put(ANNA, "", "name", NAME, indexed=True)
    other = vault.put(ANNA, "", "name", SecretBytes(b"John Doe"), indexed=True)
    vault.put(ANNA, "", "name", NAME)  # not to be found
    vault.put(ANNA, other, "mail", NAME, indexed=True)  # in another field
    monkeypatch.setattr("compliance.vault.vault.open_value", None)
    assert set(vault.search(ANNA, "name", SecretBytes(b" maria   HUBER"))) == {first, second}
    assert vault.search(ANNA, "name", SecretBytes(b"Maria")) == ()
    vault.put(ANNA, first, "name", SecretBytes(b"Maria Berger"), indexed=True)
    assert vault.search(ANNA, "name", NAME) == (second,)


@settings(max_examples=30)
@given(st.text(min_size=1), st.text(min_size=1))
def test_a_tag_is_of_its_key_tenant_field_and_value(one, other):
    tag = index_tag(b"k" * 32, "acme", "name", one)
    assert tag != index_tag(b"K" * 32, "acme", "name", one)
    assert tag != index_tag(b"k" * 32, "boreas", "name", one)
    assert tag != index_tag(b"k" * 32, "acme", "mail", one)
    if one.isascii() and other.isascii():
        same = tag == index_tag(b"k" * 32, "acme", "name", other)
        assert same == (one.lower().split() == other.lower().split())


def test_who_comes_while_another_is_at_work_is_told_so(world):
    subject = world.vault.put(ANNA, "", "name", NAME)
    other = world.open()
    with world.vault._store.alone(), refused("try again", VaultBusy):
        other.get(ANNA, subject, "name")
    assert other.get(ANNA, subject, "name") == NAME


def test_keys_of_another_vault_and_keys_that_are_lost(world, tmp_path):
    subject = world.vault.put(ANNA, "", "name", NAME)
    open_vault(tmp_path / "b" / "vault", tmp_path / "b" / "keys", seed=99).found("b", ("x", "y"))
    strange = open_vault(world.data, tmp_path / "b" / "keys")
    with pytest.raises(OperatorError, match="belongs to another"):
        strange.get(ANNA, subject, "name")
    lost = open_vault(world.data, tmp_path / "none")
    with refused("there are no keys"):
        lost.get(ANNA, subject, "name")
    with refused("its keys are not there"):
        lost.found("acme", ("x", "y"))


def test_rotation_wraps_again_and_touches_no_value(world):
    vault = world.vault
    subjects = [vault.put(ANNA, "", "name", NAME) for _ in range(3)]
    old_ring = vault._store.ring
    slots = [copy for name in ("a", "b") for copy in
             [(world.data / f"data_keys.{name}").read_bytes()]]  # fmt: skip
    values = [e for e in vault._store.log() if isinstance(e, ValuePut)]
    assert vault.rotate(KEEPS) == 2
    assert vault.rotate(KEEPS) == 3
    assert [e for e in vault._store.log() if isinstance(e, ValuePut)] == values
    raw = world.raw()
    for copy in slots:
        for at in range(0, len(copy), 64):
            assert copy[at + 16 : at + 64] not in raw
    assert list(vault._store.ring.keys) == [3]
    assert old_ring.keys[1] != vault._store.ring.keys[3]
    assert all(world.open().get(ANNA, subject, "name") == NAME for subject in subjects)


@pytest.mark.parametrize("nth", [0, 1])
def test_a_rotation_that_was_cut_is_gone_on_with(world, nth):
    """As the new key comes into the file, and as the old one leaves it."""
    subject = world.vault.put(ANNA, "", "name", NAME)
    cut = open_vault(world.data, world.keys, UnsyncedDisk({"rename"}, nth), world.time, seed=77)
    with pytest.raises(OSError, match="Input/output"):
        cut.rotate(KEEPS)
    vault = world.open()
    assert vault.get(ANNA, subject, "name") == NAME
    assert vault.rotate(KEEPS) == 2
    assert list(vault._store.ring.keys) == [2]
    assert world.vault.get(ANNA, subject, "name") == NAME


def test_one_copy_of_a_key_may_be_spoilt_not_both(world):
    subject = world.vault.put(ANNA, "", "name", NAME)
    copies = [world.data / "data_keys.a", world.data / "data_keys.b"]
    for path in copies:
        whole = path.read_bytes()
        path.write_bytes(b"\xff" * len(whole))
        assert world.open().get(ANNA, subject, "name") == NAME
        world.vault.rotate(KEEPS)  # both are whole again
    for path in copies:
        path.write_bytes(b"\xff" * 64)
    with refused("neither copy of the key"):
        world.vault.get(ANNA, subject, "name")
    with refused("neither copy of the key"):
        world.vault.rotate(KEEPS)


def test_roles_that_see_no_value_do_not_become_others(world):
    with refused("nobody is that and"):
        world.vault.propose_grant(GIVES_TOO, GIVES.by, Role.MLRO)
    with refused("nobody is that and"):
        world.vault.propose_grant(GIVES, ANNA.by, Role.ADMIN)
    with refused("nobody has a say"):
        world.vault.propose_grant(GIVES, GIVES.by, Role.OPS)
    with refused("there have to be two admins"):
        world.vault.revoke(GIVES, GIVES_TOO.by, Role.ADMIN)
