"""A state that was written and read back is the state: every slot, every shared order, every
later event."""

import hashlib
from collections import deque
from itertools import islice
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import mass, snapshot
from engine.core.accounts import HeldWithdrawal, Hold
from engine.core.operations import MassOperation
from engine.core.orders import Order
from engine.core.snapshot import DERIVED, read_reference_data, read_state, write_state
from engine.core.state import State
from engine.core.venue import Venue
from engine.model.errors import SnapshotDamaged
from engine.model.record import encode_parts
from tests.engine.streams import RANDOM_BALANCES, bootstrap, random_commands

STEPS = 700


@pytest.fixture(autouse=True, scope="module")
def small_pieces():
    """Chunks of three rows and mass operations of two orders, so that every edge is met."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "CHUNK_ROWS", 3)
        patch.setattr(mass, "MASS_SLICE", 2)
        yield


def copy(venue):
    return Venue(read_state(write_state(venue.state)))


def steps_of(seed):
    """Every other one with holds, which leave less of all else."""
    return list(random_commands(seed, STEPS, holds=seed % 2 == 1))


def played(steps):
    """A venue after some steps."""
    venue, _ = bootstrap(balances=RANDOM_BALANCES)
    for step in steps:
        venue.apply(*step)
    return venue


# --- every slot -----------------------------------------------------------------------------------

LEAVES = (int, str, bytes, type(None))


def slots_of(thing):
    """Names of what an object is made of: of a struct, a dataclass, a class with slots."""
    if isinstance(thing, msgspec.Struct):
        return thing.__struct_fields__
    return [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]


class Twins:
    """Walks two object graphs side by side. seen: (class, slot) to the values it had, as text."""

    def __init__(self, seen):
        self.pairs = {}
        self.keep = []
        self.seen = seen

    def compare(self, one, two, path):
        assert type(one) is type(two), path
        if isinstance(one, LEAVES) or callable(one):
            assert one == two, path
        elif isinstance(one, tuple | list | deque):
            assert len(one) == len(two), path
            for k, (a, b) in enumerate(zip(one, two, strict=True)):
                self.compare(a, b, f"{path}[{k}]")
        elif isinstance(one, dict):
            assert list(one) == list(two), f"{path}: order"
            for key in one:
                self.compare(one[key], two[key], f"{path}[{key!r}]")
        elif self._is_new(one, two, path):
            assert slots_of(one), f"{path}: {type(one)} has no slots to look at"
            for name in slots_of(one):
                a, b = getattr(one, name), getattr(two, name)
                self.seen.setdefault((type(one).__name__, name), set()).add(repr(a)[:80])
                if name not in DERIVED.get(type(one).__name__, ()):
                    self.compare(a, b, f"{path}.{name}")

    def _is_new(self, one, two, path):
        """What is one object on this side is one on the other."""
        known, back = self.pairs.get(id(one)), self.pairs.get(-id(two))
        if known is None and back is None:
            self.pairs[id(one)], self.pairs[-id(two)] = two, one
            self.keep += [one, two]
            return True
        assert known is two, f"{path}: shared on one side only"
        assert back is one, f"{path}: shared on one side only"
        return False


EMPTY = {"0", "-1", "''", "b''", "{}", "[]", "()", "deque([])", "(-1, 0)"}
"""What a slot holds that nobody has filled: were it forgotten, it would still be the same."""


def test_every_slot_of_every_state_class_is_kept_or_named_as_derived():
    twins = Twins({})
    for seed in range(14):
        steps = steps_of(seed)
        venue, _ = bootstrap(balances=RANDOM_BALANCES)
        for k, step in enumerate(steps):
            venue.apply(*step)
            if k % 100 == 50 or (venue.mass_pending >= 0 and k % 3 == 0):
                one, two = venue.state, read_state(write_state(venue.state))
                twins = Twins(twins.seen)
                twins.compare(one, two, "state")
    classes = {kind for kind, _ in twins.seen}
    assert classes >= {"State", "Market", "Book", "BookSide", "Level", "Order", "SessionState"}
    assert classes >= {"MemberState", "AccountState", "Balance", "NameAge", "MassOperation", "Hold"}
    assert {slot for kind, slot in twins.seen if kind == "State"} == set(State.__slots__)
    never_filled = {slot for slot, values in twins.seen.items() if values <= EMPTY}
    assert not never_filled, "the sample would not notice the loss of these"
    for kind, slots in DERIVED.items():
        assert all((kind, slot) in twins.seen for slot in slots), "derived, but not there"


# --- every later event ----------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(0, STEPS))
def test_a_venue_goes_on_from_its_snapshot_as_if_nothing_had_been(seed, cut):
    steps = steps_of(seed)
    venue = played(steps[:cut])
    again = copy(venue)
    assert again.state_hash() == venue.state_hash()
    again.check()
    for command, number, time in steps[cut:]:
        events = venue.apply(command, number, time)
        assert again.apply(command, number, time) == events
    assert again.state_hash() == venue.state_hash()
    again.check()


def test_snapshots_at_every_record_of_a_stream_carry_it_on_byte_by_byte():
    steps = steps_of(5)[:250]
    venue, _ = bootstrap(balances=RANDOM_BALANCES)
    again = copy(venue)
    for command, number, time in steps:
        salt = b"0" * 16
        one = encode_parts(number, time, salt, command, venue.apply(command, number, time))
        two = encode_parts(number, time, salt, command, again.apply(command, number, time))
        assert [payload for _, payload in one] == [payload for _, payload in two]
        again = copy(again)
    assert again.state_hash() == venue.state_hash()


def test_a_snapshot_of_a_snapshot_has_the_same_bytes():
    venue = played(steps_of(3))
    assert list(write_state(copy(venue).state)) == list(write_state(venue.state))


def test_a_venue_before_its_first_record_has_a_snapshot_too():
    assert copy(Venue()).state_hash() == Venue().state_hash()


def test_mass_operations_under_way_go_on():
    unfinished = 0
    for seed in range(12):
        steps = steps_of(seed)
        venue, _ = bootstrap(balances=RANDOM_BALANCES)
        for k, step in enumerate(steps):
            venue.apply(*step)
            if len(venue.state.operations) and len(venue.state.operations[0].ids) > 3:
                unfinished += 1
                again = copy(venue)
                for later in steps[k + 1 : k + 40]:
                    assert again.apply(*later) == venue.apply(*later)
                assert again.state_hash() == venue.state_hash()
                break
    assert unfinished > 3


# --- reading --------------------------------------------------------------------------------------


def test_names_and_scales_are_read_without_the_orders():
    venue = played(steps_of(1))
    taken = []

    def chunks():
        for chunk in write_state(venue.state):
            taken.append(chunk)
            yield chunk

    refdata = read_reference_data(chunks())
    assert refdata == venue.refdata
    assert list(refdata.configured) == list(venue.refdata.configured)
    assert len(taken) < len(list(write_state(venue.state))) / 4


def test_chunks_of_no_state_are_refused():
    chunks = list(write_state(played(steps_of(2)).state))
    with pytest.raises(SnapshotDamaged):
        read_state([b"\xc1"])
    with pytest.raises(SnapshotDamaged):
        read_state([*chunks, msgspec.msgpack.encode([99, []])])
    orders = next(k for k, chunk in enumerate(chunks) if chunk[1] == 7)
    with pytest.raises(SnapshotDamaged):
        read_state(chunks[:orders] + chunks[orders + 1 :])


def test_no_chunk_grows_with_the_venue(monkeypatch):
    monkeypatch.setattr(snapshot, "CHUNK_ROWS", 16)
    venue = played(islice(steps_of(4), STEPS))
    sizes = [len(chunk) for chunk in write_state(venue.state)]
    assert len(sizes) > 20
    assert max(sizes) < 16 * 256


SHAPES = {
    1: "fcbf0fb077f8a3aa",
    2: "077f0d645311287f",
    3: "c71bc14daf79f07a",
    4: "fcc5385544e8190a",
}
"""STATE_FORMAT to a digest of what the chunks hold."""


def test_another_shape_of_the_chunks_is_another_format():
    """Else a start would read an older release's snapshot as what it is not."""
    kinds = [*get_args(snapshot._AnyChunk), Order, MassOperation, HeldWithdrawal, Hold]
    shape = "\n".join(f"{kind.__name__} {kind.__struct_fields__}" for kind in kinds)
    digest = hashlib.sha256(shape.encode()).hexdigest()[:16]
    assert SHAPES[snapshot.STATE_FORMAT] == digest, "let STATE_FORMAT grow, and enter it here"
