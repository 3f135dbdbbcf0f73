"""A member's coins and their approver, at a running venue whose chain is a demo's."""

import contextlib
import os
from base64 import b64encode

import yaml

from custody.control_client import CONTROL_SOCKET, Refused, ask
from custody.demo.approver import NAME, demo_key
from custody.policy.intents import read_intent, signed_text
from custody.signing.keystore import create_keystore
from engine.model.errors import FixgateError
from tests.custody.people import ALICE
from tests.support.anvil import CHAIN
from tests.support.venue import CONFIG, wait_until

ETHER = 10**8
"""One ETH in the venue's smallest units."""

FEE = ETHER // 1_000
SECONDS = 40


def _demo():
    return yaml.safe_load((CONFIG / "demo.yaml").read_text())


def coins_config(folder, base="demo.yaml", database="", **chain):
    """A configuration with the demo's custody on a hasty chain, without bots and audit log."""
    tree = yaml.safe_load((CONFIG / base).read_text())
    tree.pop("compliance", None)
    tree |= {"bots": [], "custody": _demo()["custody"]}
    tree["custody"]["chain"] |= {"kind": "simulated", "block_ms": 10, "poll_ms": 20, **chain}
    tree["custody"]["database"] = database
    path = folder / "coins.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def real_config(folder, url):
    """As a venue of its own has it: two lines to a node, keys in a sealed file, own approvers."""
    tree = _demo() | {"bots": []}
    password = folder / "keystore.password"
    password.write_text("a password for tests\n")
    password.chmod(0o600)
    create_keystore(folder / "keystore.json", b"a password for tests", os.urandom(60))
    part = tree["custody"]
    part["chain"] = {
        "id": CHAIN, "needed": 2, "poll_ms": 50,
        "endpoints": [
            {"name": name, "url": url, "per_second": 1_000, "traces": "flat"}
            for name in ("one", "two")
        ],
    }  # fmt: skip
    part["keystore"] = {"file": "keystore.json", "password_file": "keystore.password"}
    part["policy"]["approvers"] = [{"name": "alice", "key": ALICE.public, "groups": ["desk"]}]
    path = folder / "real.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


class Coins:
    """What people ask of custody. Every question is asked again while custody is away."""

    approver = NAME

    def __init__(self, venue, account="ACME"):
        self.venue = venue
        self.account = account

    def sign(self, intent, approves):
        return demo_key().sign(signed_text(intent, approves=approves))

    def ask(self, **asked):
        found = []

        def answered():
            try:
                found.append(ask(self.venue.data / "run" / CONTROL_SOCKET, **asked))
            except FixgateError as error:
                if "does not answer" not in str(error):
                    raise
            return found

        wait_until(answered, SECONDS, f"custody answers {asked}")
        return found[0]

    def pay(self, amount):
        """Somebody pays to the account's address; the transaction."""
        address = self.ask(op="address", account=self.account, asset="ETH")["address"]
        return self.ask(op="demo_pay", destination=address, amount=amount)["tx"]

    def deposit_state(self, tx):
        rows = self.ask(op="deposits", account=self.account)
        return next((row["state"] for row in rows if row["tx"] == tx), None)

    def wait_credited(self, tx):
        wait_until(lambda: self.deposit_state(tx) == "credited", SECONDS, f"{tx} is credited")

    def withdraw(self, amount, destination):
        """A withdrawal's name."""
        return self.ask(
            op="withdraw", account=self.account, asset="ETH", amount=amount,
            destination=destination, who=self.account,
        )["id"]  # fmt: skip

    def withdrawal(self, ident):
        return self.ask(op="withdrawal", id=ident)

    def wait(self, ident, state):
        def reached():
            row = self.withdrawal(ident)
            return row if row["state"] == state else None

        return wait_until(reached, SECONDS, f"{ident} is {state}")

    def approve(self, ident, approves=True):
        """The approver decides, once it is asked; if it has been before, all is well too."""

        def asked():
            row = self.withdrawal(ident)
            return row if row["state"] not in ("requested", "held") else None

        row = wait_until(asked, SECONDS, f"{ident} asks for approval")
        if row["state"] != "awaiting":
            return
        signature = self.sign(read_intent(row["intent"].encode()), approves)
        with contextlib.suppress(Refused):  # it was taken in, and the answer was lost
            self.ask(
                op="approve", id=ident, approver=self.approver, approves=approves,
                signature=b64encode(signature).decode(),
            )  # fmt: skip

    def paid_in(self, amount):
        """A deposit that is credited."""
        tx = self.pay(amount)
        self.wait_credited(tx)
        return tx


class RealCoins(Coins):
    """The same on a node of the test's own, which makes blocks when it is told to."""

    approver = "alice"

    def __init__(self, venue, anvil):
        super().__init__(venue)
        self.anvil = anvil
        self.mines = True

    def sign(self, intent, approves):
        return ALICE.says(intent, approves=approves).signature

    def ask(self, **asked):
        if self.mines:
            self.anvil.mine()
        return super().ask(**asked)

    def approve(self, ident, approves=True, *, mine=True):
        self.mines = mine
        super().approve(ident, approves)
        self.mines = True

    def pay(self, amount):
        address = self.ask(op="address", account=self.account, asset="ETH")["address"]
        tx = "0x" + self.anvil.send(address, amount * 10**10).hex()
        self.anvil.mine()
        return tx
