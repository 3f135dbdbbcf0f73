"""What people ask of the vault: allowed by role and purpose, written down, then done."""

from collections.abc import Callable
from typing import Final

from compliance.vault.errors import SubjectGone, SubjectUnknown, VaultRefused
from compliance.vault.events import (
    AccessRefused,
    Actor,
    ErasureDecided,
    ErasureProposed,
    Founded,
    Granted,
    GrantProposed,
    LogRead,
    ReadAllowed,
    Retained,
    Revoked,
    RotationBegun,
    RotationDone,
    SearchAllowed,
    SubjectAdded,
    ValuePut,
    VaultEvent,
)
from compliance.vault.key_file import KeyRing
from compliance.vault.policy import Action, Role, is_allowed, roles_for
from compliance.vault.retention import Basis, day
from compliance.vault.sealing import (
    KEY_BYTES,
    NONCE_BYTES,
    SUBJECT_BYTES,
    Place,
    check_field,
    check_principal,
    check_subject,
    check_tenant,
    index_tag,
    open_value,
    seal_value,
)
from compliance.vault.state import LEAST_ADMINS, PROPOSAL_AGE, Subject
from compliance.vault.store import VaultStore
from engine.secret import SecretBytes, SecretText

MAX_VALUE_BYTES: Final = 64 * 1024
"""Of one value: a text, not a scan of a passport."""

MAX_SUBJECTS: Final = 100_000
"""Every command reads the whole log: with more the files want a database."""


class Vault:
    """See above. Everything raises VaultRefused, OSError, and OperatorError if a file is not what
    was written; after an OSError it may be done all the same: look."""

    def __init__(self, store: VaultStore, alarm: Callable[[str], None]) -> None:
        """alarm: what a person has to see at once."""
        self._store = store
        self._alarm = alarm

    def found(self, tenant: str, admins: tuple[str, str]) -> None:
        """Make the vault of a tenant, with two admins."""
        check_tenant(tenant)
        for admin in admins:
            check_principal(admin)
        if len(set(admins)) < LEAST_ADMINS:
            raise VaultRefused("two admins are two people")
        store = self._store
        with store.founding():
            store.append(Founded(store.now(), tenant, admins, store.ring.first))

    # --- values -------------------------------------------------------------------------------

    def put(
        self,
        actor: Actor,
        subject: str,
        field: str,
        value: SecretBytes,
        *,
        schema: int = 1,
        indexed: bool = False,
    ) -> str:
        """Keep a value, in place of the one before it; the subject, a new one if none was named.
        indexed: it can be searched for."""
        check_field(field, schema)
        text = _text(value)
        store = self._store
        with store.alone() as state:
            self._allow(actor, Action.WRITE, subject)
            if subject:
                self._subject(subject)
            else:
                subject = self._new_subject(actor)
            place = Place(state.tenant, subject, field, schema)
            nonce = store.chance(NONCE_BYTES)
            sealed = seal_value(store.data_key(subject), nonce, value, place)
            at = -1
            if indexed:
                at = store.put_tag(index_tag(store.ring.index, state.tenant, field, text))
            store.append(ValuePut(store.now(), actor, subject, field, schema, nonce, sealed, at))
        return subject

    def get(self, actor: Actor, subject: str, field: str) -> SecretBytes:
        """A value. That it was read is on disk before."""
        check_field(field)
        store = self._store
        with store.alone() as state:
            self._allow(actor, Action.READ, subject)
            put = self._subject(subject).values.get(field)
            if put is None:
                raise SubjectUnknown(f"{subject} has no {field}")
            store.append(ReadAllowed(store.now(), actor, subject, field))
            if actor.role is Role.BREAK_GLASS:
                self._alarm(f"break-glass: {actor.by} reads {field} of {subject}")
            place = Place(state.tenant, subject, field, put.schema)
            return open_value(store.data_key(subject), put.nonce, put.sealed, place)

    def search(self, actor: Actor, field: str, value: SecretBytes) -> tuple[str, ...]:
        """The subjects with this value, of those that were put to be searched for."""
        check_field(field)
        text = _text(value)
        store = self._store
        with store.alone() as state:
            self._allow(actor, Action.SEARCH)
            found = store.tagged(field, index_tag(store.ring.index, state.tenant, field, text))
            store.append(SearchAllowed(store.now(), actor, field, found))
            return found

    # --- erasure ------------------------------------------------------------------------------

    def retain(self, actor: Actor, subject: str, basis: Basis, until: int) -> None:
        """Say until when a law has a subject's data kept, ns UTC. Who proposes erasures does not
        shorten what stands in their way."""
        store = self._store
        with store.alone():
            self._allow(actor, Action.RETAIN, subject)
            before = self._subject(subject).kept.get(basis, until)
            if until < before and actor.role is not Role.MLRO:
                raise VaultRefused(f"{basis} has it kept until {day(before)}: the MLRO shortens it")
            store.append(Retained(store.now(), actor, subject, basis, until))

    def propose_erasure(self, actor: Actor, subject: str) -> None:
        """One person's word that a subject is to be erased."""
        store = self._store
        with store.alone():
            self._allow(actor, Action.PROPOSE_ERASURE, subject)
            self._not_held(subject)
            store.append(ErasureProposed(store.now(), actor, subject))

    def decide_erasure(self, actor: Actor, subject: str) -> None:
        """Another's: the key is destroyed when this returns. If it does not, the next who comes
        destroys it."""
        store = self._store
        with store.alone():
            self._allow(actor, Action.DECIDE_ERASURE, subject)
            asked = self._not_held(subject).asked
            if asked is None or store.now() - asked.at > PROPOSAL_AGE:
                raise VaultRefused("nobody has proposed it in the last seven days")
            if asked.actor.by == actor.by:
                raise VaultRefused("who has proposed it does not decide on it")
            store.append(ErasureDecided(store.now(), actor, subject))
            store.destroy_pending()

    def tombstones(self, actor: Actor) -> bytes:
        """Who was erased, to be kept apart from all copies: see `bury`."""
        store = self._store
        with store.alone():
            self._allow(actor, Action.KEEP_KEYS)
            return store.tombstones.text(store.tombstones.read())

    def bury(self, actor: Actor, lines: bytes) -> None:
        """Destroy once more the keys of those whom such a list names."""
        store = self._store
        with store.alone():
            self._allow(actor, Action.KEEP_KEYS)
            store.tombstones.add(store.tombstones.parse(lines))
            store.find_again()
            store.destroy_pending()

    # --- access -------------------------------------------------------------------------------

    def propose_grant(self, actor: Actor, principal: str, role: Role) -> None:
        """One admin's word that somebody is to have a role."""
        check_principal(principal)
        store = self._store
        with store.alone() as state:
            self._allow(actor, Action.GRANT)
            self._others(actor, principal, role)
            if (principal, role) in state.grants:
                raise VaultRefused(f"{principal} is {role} already")
            store.append(GrantProposed(store.now(), actor, principal, role))

    def decide_grant(self, actor: Actor, principal: str, role: Role) -> None:
        """Another admin's: from here on they have it."""
        store = self._store
        with store.alone() as state:
            self._allow(actor, Action.GRANT)
            self._others(actor, principal, role)
            asked = state.asked.get((principal, role))
            if asked is None or store.now() - asked.at > PROPOSAL_AGE:
                raise VaultRefused("nobody has proposed it in the last seven days")
            if asked.actor.by == actor.by:
                raise VaultRefused("who has proposed it does not decide on it")
            store.append(Granted(store.now(), actor, principal, role))

    def revoke(self, actor: Actor, principal: str, role: Role) -> None:
        """Take a role away, at once."""
        store = self._store
        with store.alone() as state:
            self._allow(actor, Action.GRANT)
            if (principal, role) not in state.grants:
                raise VaultRefused(f"{principal} is not {role}")
            if role is Role.ADMIN and len(state.admins) <= LEAST_ADMINS:
                raise VaultRefused("there have to be two admins: grant it to another one first")
            store.append(Revoked(store.now(), actor, principal, role))

    def log(self, actor: Actor) -> list[VaultEvent]:
        """Everything that has happened, this reading too."""
        store = self._store
        with store.alone():
            self._allow(actor, Action.READ_LOG)
            store.append(LogRead(store.now(), actor))
            return store.log()

    # --- keys ---------------------------------------------------------------------------------

    def rotate(self, actor: Actor) -> int:
        """Wrap all data keys by a new key, and forget the others; the new one's number. One that
        was cut is gone on with. No value is touched."""
        store = self._store
        with store.alone() as state:
            self._allow(actor, Action.KEEP_KEYS)
            if not state.rotating:
                store.append(RotationBegun(store.now(), actor, state.last_key + 1))
            number, ring = state.rotating, store.ring
            if ring.first != number:
                new = {number: SecretBytes(store.chance(KEY_BYTES))}
                store.change_keys(KeyRing(ring.id, new | ring.keys, ring.index))
            store.wrap_all_again()
            ring = store.ring
            store.change_keys(KeyRing(ring.id, {number: ring.keys[number]}, ring.index))
            store.append(RotationDone(store.now(), actor, number))
        return number

    # --- below --------------------------------------------------------------------------------

    def _allow(self, actor: Actor, action: Action, subject: str = "") -> None:
        """Raises VaultRefused, and writes down that it did."""
        check_principal(actor.by)
        if subject:
            check_subject(subject)
        store = self._store
        has = (actor.by, actor.role) in store.state.grants
        fits = is_allowed(actor.role, action, actor.purpose)
        if not has or not fits:
            store.append(AccessRefused(store.now(), actor, action, subject))
            able = [actor.role] if fits else roles_for(action, actor.purpose)
            raise VaultRefused(
                f"{actor.by} may not {action} as {actor.role} for {actor.purpose}: "
                + _way_in(actor.by, able, store.state.admins)
            )

    def _subject(self, name: str) -> Subject:
        """Somebody who is there. Raises SubjectGone."""
        found = self._store.state.subjects.get(name)
        if found is None:
            raise SubjectUnknown(f"there is no {name}")
        if found.gone:
            raise SubjectGone(f"{name} is erased: the key is destroyed")
        return found

    def _new_subject(self, actor: Actor) -> str:
        store = self._store
        slot = len(store.state.subjects)
        if slot >= MAX_SUBJECTS:
            raise VaultRefused(f"there are {MAX_SUBJECTS:,} subjects: more do not fit")
        name = f"s-{store.chance(SUBJECT_BYTES).hex()}"
        store.new_data_key(name, slot)
        store.append(SubjectAdded(store.now(), actor, name, slot))
        return name

    def _not_held(self, name: str) -> Subject:
        found = self._subject(name)
        why = found.held(self._store.now())
        if why:
            raise VaultRefused(f"{name} is not erased: {why}")
        return found

    def _others(self, actor: Actor, principal: str, role: Role) -> None:
        if principal == actor.by:
            raise VaultRefused("nobody has a say in what they are granted themselves")
        clash = self._store.state.clash(principal, role)
        if clash:
            raise VaultRefused(clash)


def _way_in(who: str, able: list[Role], admins: list[str]) -> str:
    """What somebody who was refused can do about it."""
    if not able:
        return "nobody may"
    return (
        f"{' or '.join(able)} may, which somebody of {', '.join(admins)} proposes by"
        f" `fixgate vault grant {who} {able[0]}`, and another of them decides by the same with"
        " --decide"
    )


def _text(value: SecretBytes) -> SecretText:
    """Raises VaultRefused, in words that have nothing of it."""
    if not 0 < len(value) <= MAX_VALUE_BYTES:
        raise VaultRefused(f"a value has 1 to {MAX_VALUE_BYTES:,} bytes")
    try:
        return SecretText(value.decode("utf-8"))
    except UnicodeDecodeError:
        raise VaultRefused("a value is a text in UTF-8") from None
