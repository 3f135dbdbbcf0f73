"""Erasure: two people, no law in the way, the key gone from the disk, copies that come back, and
proofs that do not notice."""

import shutil
from datetime import date

import pytest

from compliance.vault.errors import SubjectGone
from compliance.vault.events import Actor
from compliance.vault.policy import Purpose, Role
from compliance.vault.retention import Basis, kept_until
from engine.model.errors import OperatorError
from engine.secret import SecretBytes
from tests.vault.support import (
    ANNA,
    ASKS,
    BEN,
    DAY,
    GIVES,
    GIVES_TOO,
    KEEPS,
    MAIL,
    NAME,
    START,
    World,
    erase,
    refused,
)
from tests.verify.support import Traded, proved


@pytest.fixture
def maria(world):
    """A subject with two values, each to be found."""
    subject = world.vault.put(ANNA, "", "name", NAME, indexed=True)
    world.vault.put(ANNA, subject, "mail", MAIL, indexed=True)
    return subject


def marks(world):
    """What is on disk of a subject's key, wrapped, and of its index: all slots and tags."""
    slots = (world.data / "data_keys.a").read_bytes() + (world.data / "data_keys.b").read_bytes()
    tags = (world.data / "index").read_bytes()
    return [slots[at + 16 : at + 64] for at in range(0, len(slots), 64)] + [
        tags[at : at + 32] for at in range(0, len(tags), 32)
    ]


def gone(world, found, subject):
    """Whether nothing of it is in any file, and nobody reads it or finds it."""
    vault = world.open()
    with refused("is erased", SubjectGone):
        vault.get(ANNA, subject, "name")
    with refused("is erased", SubjectGone):
        vault.put(ANNA, subject, "name", NAME)
    assert vault.search(ANNA, "name", NAME) == ()
    raw = world.raw()
    return not any(mark in raw for mark in found)


def test_the_key_is_overwritten_in_place_in_both_copies_and_the_index(world, maria):
    other = world.vault.put(ANNA, "", "name", SecretBytes(b"John Doe"), indexed=True)
    found = marks(world)
    of_maria = [found[0], found[2], found[4], found[5]]
    paths = [world.data / name for name in ("data_keys.a", "data_keys.b", "index")]
    inodes = [path.stat().st_ino for path in paths]
    assert len(found) == 7
    assert all(mark in world.raw() for mark in found)
    erase(world.vault, maria)
    assert gone(world, of_maria, maria)
    assert [path.stat().st_ino for path in paths] == inodes
    assert paths[0].read_bytes()[:64] == paths[1].read_bytes()[:64] == bytes(64)
    assert world.open().get(ANNA, other, "name") == b"John Doe"
    assert world.kinds().count("SubjectErased") == 1


def test_one_person_erases_nobody(world, maria):
    vault = world.vault
    vault.retain(ASKS, maria, Basis.NONE, START)
    with refused("nobody has proposed it"):
        vault.decide_erasure(BEN, maria)
    vault.propose_erasure(ASKS, maria)
    anna_too = Actor(ANNA.by, Role.MLRO, Purpose.SUBJECT)
    with refused("may not decide erasure"):
        vault.decide_erasure(anna_too, maria)
    vault.propose_grant(GIVES, ANNA.by, Role.MLRO)
    vault.decide_grant(GIVES_TOO, ANNA.by, Role.MLRO)
    with refused("who has proposed it does not decide"):
        vault.decide_erasure(anna_too, maria)
    world.time.now += 7 * DAY + 1
    with refused("in the last seven days"):
        vault.decide_erasure(BEN, maria)
    assert vault.get(ANNA, maria, "name") == NAME


@pytest.mark.parametrize(
    ("basis", "ended", "last"),
    [
        (Basis.AML, date(2026, 11, 29), date(2031, 11, 29)),
        (Basis.MICA, date(2024, 2, 29), date(2029, 3, 1)),
        (Basis.NONE, date(2026, 11, 29), date(2026, 11, 29)),
    ],
)
def test_five_years_from_the_end_of_the_relationship(basis, ended, last):
    assert kept_until(basis, ended) == (last - date(1970, 1, 1)).days * DAY


def test_a_law_stands_before_the_wish_to_be_erased(world, maria):
    """Whether it comes before the proposal or before the decision, and the longest of them."""
    vault = world.vault
    with refused("nobody has said until when"):
        vault.propose_erasure(ASKS, maria)
    vault.retain(ASKS, maria, Basis.NONE, START)
    vault.propose_erasure(ASKS, maria)
    vault.retain(ASKS, maria, Basis.AML, START + 3 * DAY)
    vault.retain(ASKS, maria, Basis.MICA, START + 2 * DAY)
    with refused(r"aml has it kept until 2027-01-18"):
        vault.decide_erasure(BEN, maria)
    with refused("aml has it kept"):
        vault.propose_erasure(ASKS, maria)
    world.time.now = START + 3 * DAY - 5
    with refused("aml has it kept"):
        vault.decide_erasure(BEN, maria)
    world.time.now = START + 3 * DAY
    vault.decide_erasure(BEN, maria)
    with refused("is erased"):
        vault.get(ANNA, maria, "name")


def test_who_proposes_an_erasure_does_not_shorten_the_law(world, maria):
    world.vault.retain(ASKS, maria, Basis.AML, START + 3 * DAY)
    with refused("aml has it kept until 2027-01-18: the MLRO shortens it"):
        world.vault.retain(ASKS, maria, Basis.AML, START)
    world.vault.retain(ASKS, maria, Basis.AML, START + 4 * DAY)
    with refused("aml has it kept until 2027-01-19"):
        world.vault.propose_erasure(ASKS, maria)
    world.vault.retain(BEN, maria, Basis.AML, START)
    world.vault.propose_erasure(ASKS, maria)


@pytest.mark.parametrize("what", ["all of it", "data_keys.a", "data_keys.b", "index"])
def test_a_copy_that_is_put_back_is_destroyed_at_its_first_start(tmp_path, what):
    """All of the data, from before the proposal; or one file of it, beside a log that knows."""
    world = World(tmp_path)
    subject = world.vault.put(ANNA, "", "name", NAME, indexed=True)
    found, copy = marks(world), tmp_path / "copy"
    shutil.copytree(world.data, copy)
    erase(world.vault, subject)
    if what == "all of it":
        shutil.rmtree(world.data)
        shutil.copytree(copy, world.data)
    else:
        shutil.copy(copy / what, world.data / what)
    assert any(mark in world.raw() for mark in found)
    assert gone(world, found, subject)
    assert world.kinds().count("KeyFoundAgain") == 1


def test_where_keys_came_back_too_the_list_that_was_kept_erases_again(tmp_path):
    world = World(tmp_path / "here")
    subject = world.vault.put(ANNA, "", "name", NAME, indexed=True)
    found = marks(world)
    shutil.copytree(tmp_path / "here", tmp_path / "copy")
    erase(world.vault, subject)
    kept = world.vault.tombstones(KEEPS)
    shutil.rmtree(tmp_path / "here")
    shutil.copytree(tmp_path / "copy", tmp_path / "here")
    vault = world.open()
    assert vault.get(ANNA, subject, "name") == NAME
    with pytest.raises(OperatorError, match="line 1 of the tombstones"):
        vault.bury(KEEPS, kept.replace(b"s-", b"s-0"))
    with refused("may not keep keys"):
        vault.bury(ANNA, kept)
    vault.bury(KEEPS, kept)
    assert gone(world, found, subject)
    assert vault.tombstones(KEEPS) == kept


def test_what_another_vault_has_erased_is_nothing_to_this_one(world, maria, tmp_path):
    strange = World(tmp_path / "strange", seed=99)
    erased = strange.vault.put(ANNA, "", "name", NAME)
    erase(strange.vault, erased)
    lines = strange.vault.tombstones(KEEPS)
    for forged in (lines, lines.replace(erased.encode(), maria.encode())):
        with pytest.raises(OperatorError, match="line 1 of the tombstones"):
            world.vault.bury(KEEPS, forged)
    assert world.vault.get(ANNA, maria, "name") == NAME


def test_the_log_its_receipts_and_verify_do_not_notice(tmp_path):
    """A member's subject is erased beside a venue that has traded: not a byte of the journal and
    of the audit log is another, and all that was proved is proved."""
    traded = Traded(tmp_path / "venue")
    traded.trade(60).publish()
    traded.close()
    before = proved(traded)
    assert len(before[2]) > 10
    world = World(tmp_path / "etc")
    world.data = traded.data / "compliance" / "vault"
    shutil.copytree(tmp_path / "etc" / "data" / "vault", world.data)
    vault = world.open()
    subject = vault.put(ANNA, "", "name", NAME)
    assert proved(traded) == before
    erase(vault, subject)
    assert proved(traded) == before
    with refused("is erased"):
        vault.get(ANNA, subject, "name")
