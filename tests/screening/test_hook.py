"""What custody is told of an address, and that it is written down."""

import asyncio
import os

import pytest

from compliance.screening.wallets import Wallets
from compliance.screenings import ScreeningFile
from compliance.settings import ListSettings, ScreeningSettings
from custody.policy.intents import Withdrawal
from custody.screening import ListScreening, Verdict, verdict_of
from gateway.screening.evidence import open_screenings
from gateway.screening.hook import SanctionsScreening
from gateway.screening.lists import Lists
from tests.journal.support import open_writer, payloads
from tests.screening.test_ofac import ALT, SDN
from tests.support.house import HandClock

LISTED = "0x7f367cc41522ce07553e823bf3be79a889debe1b"
OTHER = "0x" + "01" * 20
OURS = "0x" + "02" * 20
JOURNAL = (0).to_bytes(16, "little")
"""The salt of record 0 of tests.journal.support."""


class House:
    """A venue's lists, its journal, and what custody asks."""

    def __init__(self, folder):
        self.folder = folder
        self.said = []
        self.write()
        self.writer = open_writer(folder / "journal")
        settings = ScreeningSettings(lists=(ListSettings(source="OFAC SDN", folder="sdn"),))
        self.path = folder / "compliance" / "screenings"
        self.screening = SanctionsScreening(
            Lists(folder, settings, Wallets),
            lambda: open_screenings(folder),
            HandClock(),
            self.said.append,
            ListScreening({OURS}),
        )

    def begin(self):
        """The journal has its first record."""
        self.writer.append(payloads(0, 1))
        self.writer.sync()

    def write(self, sdn=SDN, alt=ALT):
        """Other files of the list."""
        (self.folder / "sdn").mkdir(exist_ok=True)
        (self.folder / "sdn" / "sdn.csv").write_text(sdn)
        (self.folder / "sdn" / "alt.csv").write_text(alt)

    def to(self, address, amount=5):
        intent = Withdrawal(
            "W00000001", "ACME", "trader7", 1, "ETH", "", address, amount, 0, 0, 1,
        )  # fmt: skip
        return asyncio.run(verdict_of(self.screening.withdrawal(7, intent)))[0]

    def came_from(self, address):
        return asyncio.run(verdict_of(self.screening.deposit(7, "ETH", address, 5)))[0]

    def written(self):
        """(what it was about, address, whether it was found) of each answer."""
        file = ScreeningFile(self.path, JOURNAL)
        return [(s.about, s.asked, s.verdict.is_hit) for s in file.read(0)]


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.writer.close()


def test_who_is_listed_is_found_and_every_answer_is_written_down(house):
    house.begin()
    assert house.to(LISTED) == Verdict.HIT
    assert house.to(LISTED.upper().replace("X", "x"), 6) == Verdict.HIT
    assert house.came_from(LISTED) == Verdict.HIT
    assert house.came_from(OTHER) == Verdict.CLEAR
    out, in_ = "withdrawal of {} ETH from account 7", "deposit of 5 ETH to account 7"
    assert house.written() == [
        (out.format(5), LISTED, True),
        (out.format(6), LISTED.upper().replace("X", "x"), True),
        (in_, LISTED, True),
        (in_, OTHER, False),
    ]
    assert house.said[0] == f"{out.format(5)}: {LISTED} is 'DOE, John', entry 25308 of OFAC SDN"


def test_custodys_own_list_is_asked_too(house):
    house.begin()
    assert house.to(OURS) == Verdict.HIT
    assert house.written() == [("withdrawal of 5 ETH from account 7", OURS, False)]


def test_what_waits_is_written_down_once_until_a_list_changes(house):
    house.begin()
    for _ in range(3):
        assert house.to(LISTED) == Verdict.HIT
    assert len(house.written()) == 1
    house.write(SDN.replace("DOE, John", "DOE, Jane"))
    assert house.to(LISTED) == Verdict.HIT
    assert len(house.written()) == 2
    house.write(SDN.replace("0x7F36", "0x7F37"))
    assert house.to(LISTED) == Verdict.CLEAR
    assert len(house.written()) == 3


def test_another_address_is_written_down_though_all_else_is_the_same(house):
    house.begin()
    another = "0x" + "03" * 20
    for address in (OTHER, another, another):
        assert house.to(address) == Verdict.CLEAR
    assert [address for _, address, _ in house.written()] == [OTHER, another]


@pytest.mark.parametrize("harm", ["cut", "gone", "no journal", "read-only"])
def test_where_nobody_can_be_screened_nothing_is_cleared(house, harm):
    """A list whose new files cannot be read is not the old one: it is not in force any more."""
    if harm != "no journal":
        house.begin()
        assert house.to(OTHER) == Verdict.CLEAR
    if harm == "cut":
        house.write(SDN[:100])
    elif harm == "gone":
        for name in ("sdn.csv", "alt.csv"):
            (house.folder / "sdn" / name).unlink()
    elif harm == "read-only":
        house.path.write_bytes(b"x" * 500)
    for _ in range(2):
        assert house.to(OTHER, 9) == Verdict.UNKNOWN
    assert len(house.said) == 1
    assert house.said[0].startswith("nothing is screened, and what asks for it waits: ")
    if harm == "no journal":
        house.begin()
    elif harm == "read-only":
        os.unlink(house.path)
        return
    else:
        house.write()
    assert house.to(OTHER, 9) == Verdict.CLEAR
    assert house.said[1] == "screening goes on"
