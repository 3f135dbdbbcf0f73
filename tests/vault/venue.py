"""A vault in a venue's data folder, as its commands open it: with scrypt that is quick for
once, and in a process that is not sealed, since tests share it."""

from compliance.vault.events import Actor
from compliance.vault.policy import Purpose, Role
from gateway.cli import main
from gateway.vault.opening import open_vault

STAFF = (
    ("anna", Role.ONBOARDING),
    ("ben", Role.COMPLIANCE),
    ("ben", Role.MLRO),
    ("cora", Role.MLRO),
    ("olga", Role.AUDITOR),
)
OLGA = Actor("olga", Role.AUDITOR, Purpose.AUDIT)
ADMINS = ("ada", "alf")


def ease(monkeypatch):
    """See above."""
    monkeypatch.setattr("gateway.vault.opening.seal_process", lambda: None)
    monkeypatch.setattr("engine.password.SCRYPT_N", 16)


def place_of_keys(folder):
    """Where tests.screening.support has keys and password configured; the password is there."""
    (folder / "etc").mkdir()
    password = folder / "etc" / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    return folder / "etc" / "keys", password


class VenueVault:
    """A vault with people in their roles."""

    def __init__(self, data, folder, monkeypatch):
        ease(monkeypatch)
        self.keys, self.password = place_of_keys(folder)
        self.data = data
        vault = self.open()
        vault.found("acme.example", ADMINS)
        gives, gives_too = (Actor(who, Role.ADMIN, Purpose.ACCESS) for who in ADMINS)
        for who, role in STAFF:
            vault.propose_grant(gives, who, role)
            vault.decide_grant(gives_too, who, role)

    def open(self):
        """Another process comes."""
        return open_vault(self.data, self.keys, self.password)

    def type(self, action, *words, who, role):
        """`fixgate vault` as somebody types it, on a data subject's wish."""
        where = ["--data", self.data, "--keys", self.keys, "--password-file", self.password]
        actor = ["--as", who, "--role", role, "--purpose", "subject-request"]
        assert main([str(word) for word in ("vault", action, *words, *where, *actor)]) == 0

    def happened(self, kind):
        """Its events of a kind."""
        return [event for event in self.open().log(OLGA) if isinstance(event, kind)]
