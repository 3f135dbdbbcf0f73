"""A firm that screens names, beside a venue that trades: both are programs of their own."""

import io
import json
import secrets
import socket
from contextlib import closing, redirect_stderr, redirect_stdout

import pytest
import yaml

from compliance.kyc.questions import Answered
from compliance.question_file import QUESTIONS_NAME, QuestionFile
from gateway.at_the_venue import identity_at
from gateway.cli import main
from tests.kyc.test_commands import ANNA, CLEAN, OWNER_NAME, application
from tests.screening.test_ofac import ALT, SDN
from tests.support.name_provider import ProviderProgram
from tests.support.venue import CONFIG, Venue, wait_until
from tests.vault.venue import VenueVault

BUY = 1


class Bench:
    """The venue, the firm, and somebody who types commands."""

    def __init__(self, folder, secret):
        self.secret = secret
        self.config = folder / "venue.yaml"
        self.venue = Venue(folder / "data", self.config, only="core,webhooks")
        self.port = 8085 + self.venue.offset
        webhooks = f"http://127.0.0.1:{self.port}/v1/webhooks/vet"
        silent = dict.fromkeys(("Acme Trading Ltd", OWNER_NAME, CLEAN), "silent")
        self.firm = ProviderProgram(secret=secret, deliver=webhooks, noise=True, find=silent)
        (folder / "secret").write_text(secret + "\n")
        (folder / "secret").chmod(0o600)
        (folder / "sdn").mkdir()
        (folder / "sdn" / "sdn.csv").write_text(SDN)
        (folder / "sdn" / "alt.csv").write_text(ALT)
        self.configure("2026-11")

    def configure(self, lists):
        """With a firm that states this version of its lists."""
        tree = yaml.safe_load((CONFIG / "bench.yaml").read_text())
        tree["compliance"] = {
            "origin": "fixgate.example/audit",
            "screening": {"lists": [{"source": "OFAC SDN", "folder": "sdn"}]},
            "vault": {"keys": "etc/keys", "password_file": "etc/password"},
            "provider": {
                "name": "vet",
                "url": f"http://127.0.0.1:{self.firm.port}/v1/questions",
                "secrets_files": ["secret"],
                "lists": lists,
            },
        }
        self.config.write_text(yaml.safe_dump(tree))

    def kyc(self, action, *words, code=0, configured=False):
        more = ("--config", self.config) if configured else ()
        argv = ["kyc", action, "--data", self.venue.data, "--json", *words, *more]
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            ended = main([str(word) for word in argv])
        assert ended == code, err.getvalue()
        return json.loads(out.getvalue()) if code == 0 else err.getvalue()

    def answer(self, reference, outcome):
        """The firm answers, until it is taken."""
        self.firm.tell(say=[reference, outcome])
        statuses = self.firm.until("delivered")["statuses"]
        assert set(statuses) <= {200, 0}, "0: nobody listened yet"

    def customer(self, path):
        """BENCH, from its invitation to its first day; ids of its people."""
        self.kyc("invite", "--member", "BENCH", "--as", "anna")
        path.write_text(yaml.safe_dump(application()))
        people = self.kyc("submit", 1, path, *ANNA, configured=True)["people"]
        why = self.kyc("screen", 1, *ANNA, configured=True, code=1)
        assert why.count("no answer yet") == 3
        for row in self.kyc("questions", "--waiting"):
            assert row["waits"] == "the provider"
            self.answer(row["reference"], "clear")
        rows = self.kyc("screen", 1, *ANNA, configured=True)
        assert [row["clear"] for row in rows] == [True] * 3
        said = ("--as", "anna", "--text", "known for years")
        self.kyc("assess", 1, *said, "--risk", "low", configured=True)
        self.kyc("propose", 1, "approve", *said, "--role", "onboarding")
        other = ("--as", "ben", "--text", "agreed", "--role", "compliance")
        self.kyc("decide", 1, "agree", *other, configured=True)
        self.kyc("activate", 1, "--as", "ben", configured=True)
        return people


def connected(port):
    """A connection of a stranger, who says nothing."""
    return socket.create_connection(("127.0.0.1", port), 5, source_address=("127.0.0.2", 0))


@pytest.mark.proof
def test_a_hit_of_a_firm_ends_the_trading_of_its_customer(tmp_path, monkeypatch, dial):
    bench = Bench(tmp_path, secrets.token_urlsafe(32))
    venue, firm = bench.venue, bench.firm
    with closing(firm), closing(venue):
        venue.start()
        VenueVault(venue.data, tmp_path, monkeypatch)
        people = bench.customer(tmp_path / "acme.yaml")
        assert {row["name"] for row in firm.said if "asked" in row} == {
            "Acme Trading Ltd", OWNER_NAME, CLEAN,
        }  # fmt: skip
        assert bench.kyc("apply", "--as", "ben")["told"] == []
        member = dial(venue, "BENCH-OE1").reconnect(reset=True)
        member.order("before", BUY, "1", "1.00")
        assert member.expect("8", "11=before").has({150: "0"})

        asked = {row["name"]: row["reference"] for row in bench.kyc("questions")}
        silent = [connected(bench.port) for _ in range(100)]
        bench.answer(asked[people["d"]], "clear")  # who was clear
        for sock in silent:
            sock.close()
        noise = [row["noise"] for row in firm.said if "noise" in row]
        assert noise == [[401, 401, 401, 401, 400, 413]] * 4, "each was heard at its first try"
        venue.kill_one("webhooks")
        bench.answer(asked[people["o"]], "hit")  # again and again, until somebody listens
        wait_until(lambda: bench.kyc("show", 1)["state"] == "suspended", 10, "it is suspended")
        (row,) = bench.kyc("apply", "--as", "ben")["told"]
        assert (row["account"], row["level"]) == ("BENCH", "frozen")
        member.expect("8", "150=4|11=before")
        member.order("after", BUY, "1", "1.00")
        assert member.expect("8", "11=after").has({150: "8", 103: "99"})

        file = QuestionFile(venue.data / "compliance" / QUESTIONS_NAME, identity_at(venue.data))
        answers = [event for event in file.read(0) if isinstance(event, Answered)]
        assert len(answers) == len({event.id for event in answers}) == 5

        firm.close()
        bench.configure("2026-12")
        why = bench.kyc("screen", 1, *ANNA, configured=True, code=1)
        assert why.count("vet is not reached") == 3
        venue.stop()
        for word in (bench.secret, OWNER_NAME, CLEAN, "v1="):
            assert word not in venue.stderr
        for path in venue.data.rglob("*"):
            if path.is_file():
                assert OWNER_NAME.encode() not in path.read_bytes()
