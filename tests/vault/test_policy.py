"""Who may do what for which purpose, and how that is given and taken."""

import itertools
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.vault.errors import VaultRefused
from compliance.vault.events import (
    AccessRefused,
    Actor,
    Founded,
    Granted,
    GrantProposed,
    Revoked,
)
from compliance.vault.policy import TABLE, Action, Purpose, Role, is_allowed
from compliance.vault.state import LEAST_ADMINS
from tests.vault.support import (
    ADA,
    ALF,
    ANNA,
    BEN,
    DAY,
    GIVES,
    GIVES_TOO,
    NAME,
    OLGA,
    START,
    TENANT,
    open_vault,
    refused,
)

EVERY = list(itertools.product(Role, Action, Purpose))


def test_every_role_has_its_row_and_what_is_in_no_row_is_not_allowed():
    assert set(TABLE) == set(Role)
    allowed = {ask for ask in EVERY if is_allowed(*ask)}
    listed = {
        (role, action, purpose)
        for role, row in TABLE.items()
        for action, purposes in row.items()
        for purpose in purposes
    }
    assert allowed == listed
    assert len(allowed) < len(EVERY) // 10


@pytest.mark.parametrize(
    ("action", "roles"),
    [
        (Action.READ, {"ops", "onboarding", "compliance", "mlro", "break-glass"}),
        (Action.SEARCH, {"compliance", "mlro"}),
        (Action.WRITE, {"onboarding", "compliance", "mlro"}),
        (Action.RETAIN, {"compliance", "mlro"}),
        (Action.PROPOSE_ERASURE, {"compliance"}),
        (Action.DECIDE_ERASURE, {"mlro"}),
        (Action.READ_LOG, {"mlro", "auditor"}),
        (Action.GRANT, {"admin"}),
        (Action.KEEP_KEYS, {"admin"}),
    ],
)
def test_roles_of_each_action(action, roles):
    """Admins and auditors see no value; whoever proposes an erasure has another role than who
    decides on it."""
    assert {role for role, asked, purpose in EVERY if asked is action
            and is_allowed(role, asked, purpose)} == roles  # fmt: skip


def test_an_incident_opens_nothing_but_the_glass():
    assert [ask for ask in EVERY if ask[2] is Purpose.INCIDENT and is_allowed(*ask)] == [
        (Role.BREAK_GLASS, Action.READ, Purpose.INCIDENT)
    ]


NOBODY = "s-" + "0" * 32

ASKS = {
    Action.WRITE: lambda vault, actor: vault.put(actor, "", "name", NAME),
    Action.READ: lambda vault, actor: vault.get(actor, NOBODY, "name"),
    Action.SEARCH: lambda vault, actor: vault.search(actor, "name", NAME),
    Action.RETAIN: lambda vault, actor: vault.retain(actor, NOBODY, "aml", START),
    Action.PROPOSE_ERASURE: lambda vault, actor: vault.propose_erasure(actor, NOBODY),
    Action.DECIDE_ERASURE: lambda vault, actor: vault.decide_erasure(actor, NOBODY),
    Action.READ_LOG: lambda vault, actor: vault.log(actor),
    Action.GRANT: lambda vault, actor: vault.propose_grant(actor, "p-new", Role.ONBOARDING),
    Action.KEEP_KEYS: lambda vault, actor: vault.tombstones(actor),
}


HOLDERS = {who.role: who.by for who in (ANNA, BEN, OLGA, GIVES)}


@pytest.mark.parametrize("action", Action)
def test_each_action_asks_the_table_and_what_was_refused_is_written_down(world, action):
    """A role that may, and by one change each: a purpose, a role, a person that may not."""
    role, purpose = next(
        (role, purpose)
        for role, asked, purpose in EVERY
        if asked is action and role in HOLDERS and is_allowed(role, action, purpose)
    )
    wrong_role = next(r for r in HOLDERS if not is_allowed(r, action, purpose))
    may = Actor(HOLDERS[role], role, purpose)
    may_not = [
        Actor(may.by, role, Purpose.INCIDENT),
        Actor(HOLDERS[wrong_role], wrong_role, purpose),
        Actor(HOLDERS[wrong_role], role, purpose),
        Actor("p-eve", role, purpose),
    ]
    for actor in may_not:
        with refused(f"{actor.by} may not {action} as {actor.role} for {actor.purpose}"):
            ASKS[action](world.vault, actor)
    refusals = [e for e in world.vault.log(OLGA) if isinstance(e, AccessRefused)]
    assert [(e.actor, e.action) for e in refusals] == [(actor, action) for actor in may_not]
    if action in (Action.WRITE, Action.SEARCH, Action.READ_LOG, Action.GRANT, Action.KEEP_KEYS):
        ASKS[action](world.vault, may)
    else:
        with refused(f"there is no {NOBODY}"):
            ASKS[action](world.vault, may)


def test_one_admin_grants_nothing(world):
    vault, dora = world.vault, Actor("p-dora", Role.ONBOARDING, Purpose.ONBOARDING)
    vault.propose_grant(GIVES, dora.by, dora.role)
    with refused("may not write as onboarding"):
        vault.put(dora, "", "name", NAME)
    with refused("who has proposed it does not decide"):
        vault.decide_grant(GIVES, dora.by, dora.role)
    with refused("nobody has proposed it"):
        vault.decide_grant(GIVES_TOO, dora.by, Role.MLRO)
    vault.decide_grant(GIVES_TOO, dora.by, dora.role)
    assert vault.put(dora, "", "name", NAME)
    vault.revoke(GIVES, dora.by, dora.role)
    with refused("may not write as onboarding"):
        vault.put(dora, "", "name", NAME)


def test_a_proposal_that_nobody_remembers_is_none(world):
    world.vault.propose_grant(GIVES, "p-dora", Role.ONBOARDING)
    world.time.now += 7 * DAY + 1
    with refused("in the last seven days"):
        world.vault.decide_grant(GIVES_TOO, "p-dora", Role.ONBOARDING)


def test_a_vault_has_two_admins_from_the_start(tmp_path):
    vault = open_vault(tmp_path / "vault", tmp_path / "keys")
    with refused("there is no vault"):
        vault.get(ANNA, NOBODY, "name")
    with refused("two admins are two people"):
        vault.found(TENANT, (ADA, ADA))
    vault.found(TENANT, (ADA, ALF))
    with refused("there is a vault in"):
        vault.found(TENANT, (ADA, ALF))


PEOPLE = st.sampled_from(["p-ada", "p-alf", "p-eve", "p-fay"])
ACTS = st.tuples(st.sampled_from(["ask", "agree", "revoke"]), PEOPLE, PEOPLE, st.sampled_from(Role))


@settings(max_examples=25)
@given(acts=st.lists(ACTS, max_size=14))
def test_whatever_people_try_no_role_has_one_father(acts, tmp_path_factory):
    """Every grant has two admins behind it, neither of them its subject; nobody is admin and
    anything else; two admins always remain."""
    folder = tmp_path_factory.mktemp("any")
    vault = open_vault(folder / "vault", folder / "keys")
    vault.found(TENANT, (ADA, ALF))
    for act, who, whom, role in acts:
        actor = Actor(who, Role.ADMIN, Purpose.ACCESS)
        do = {"ask": vault.propose_grant, "agree": vault.decide_grant, "revoke": vault.revoke}
        with suppress(VaultRefused):
            do[act](actor, whom, role)
    state = vault._store.state
    asked, admins = {}, set()
    for event in vault._store.log():
        match event:
            case Founded(admins=first):
                admins = set(first)
            case GrantProposed():
                assert event.actor.by in admins
                asked[event.principal, event.role] = event.actor.by
            case Granted():
                first, second = asked[event.principal, event.role], event.actor.by
                assert len({first, second, event.principal}) == 3
                assert second in admins
                if event.role is Role.ADMIN:
                    admins.add(event.principal)
            case Revoked():
                assert event.actor.by in admins
                if event.role is Role.ADMIN:
                    admins.discard(event.principal)
    assert len(admins) >= LEAST_ADMINS
    for who in admins:
        assert [role for name, role in state.grants if name == who] == [Role.ADMIN]
