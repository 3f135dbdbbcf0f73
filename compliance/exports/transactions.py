"""Transaction reports: RTS 22 ((EU) 2017/590) as an ISO 20022 document auth.016.001.03. Pure.

One report for each side of a trade, which the venue submits: who traded is the executing entity,
and the other side is the venue itself, by its MIC, because its book is anonymous. What elements
mean, and which of it nobody has confirmed, is in docs/exports.md.

The schema lets no report lack what it wants, so one that would is none: it says what it lacks.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from compliance.exports.errors import ExportRefused
from compliance.exports.kind import LACKS, Kind, Row
from compliance.exports.markup import plain
from compliance.exports.names import Names
from compliance.exports.orders import event_code
from compliance.exports.senders import Saved, Senders, Who
from compliance.exports.times import MICRO, Period, time_text
from engine.model.commands import Command
from engine.model.enums import BUY
from engine.model.events import OrderEvent, OrderFilled
from engine.model.identifiers import is_lei
from engine.model.refdata import Instrument
from engine.replay import Whole

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:auth.016.001.03"

QUANTITY: Final = (18, 17)
PRICE: Final = (18, 13)
"""Digits in all, and after the point, that the document's numbers hold. Numbers of tokens hold 30
and 29, which is more than any of ours has."""

MAX_PERSON: Final = 35
"""Characters of a person's identifier; of an algorithm's, 50, which is what a setting may have."""

TOLD: Final = 5
"""Things that are lacking that a refusal names; all are in the comments of a document."""

_T = TypeVar("_T")

_Saved = tuple[list[Command], Saved, int, dict[str, int]]


class Transactions:
    """The transaction reports of a period, of one member where the period has one."""

    def __init__(self, period: Period) -> None:
        self._names = Names()
        self._senders = Senders()
        self._member = period.member
        self._reported = 0
        self._lacking: Counter[str] = Counter()

    def opening(self) -> Iterable[Row]:
        """See Fold."""
        return ()

    def closing(self) -> Iterable[Row]:
        """See Fold. Raises ExportRefused for a member that there is not, and where nothing can be
        reported: a document without a transaction is none."""
        self._names.refuse_unknown(self._member)
        if self._reported:
            return ()
        if not self._lacking:
            raise ExportRefused("nothing was traded then: a document has at least one transaction")
        first = sorted(self._lacking.items(), key=lambda item: (-item[1], item[0]))[:TOLD]
        raise ExportRefused(
            "no trade can be reported. Records lack "
            + "; ".join(f"{what} ({count:,} times)" for what, count in first)
            + ". Settings that are added hold for the records after them"
        )

    def save(self) -> bytes:
        """See Fold."""
        names, senders = self._names.save(), self._senders.save()
        return msgspec.msgpack.encode((names, senders, self._reported, self._lacking))

    def load(self, data: bytes) -> None:
        """See Fold."""
        names, senders, self._reported, lacking = msgspec.msgpack.decode(data, type=_Saved)
        self._names.load(names)
        self._senders.load(senders)
        self._lacking = Counter(lacking)

    def take(self, whole: Whole, *, inside: bool) -> Iterator[Row]:
        """See Fold."""
        if self._names.take(whole):
            return
        for event in whole.events:
            if not isinstance(event, OrderEvent) or not event_code(whole, event):
                continue
            who = self._senders.take(whole.command, event)
            if inside and isinstance(event, OrderFilled) and self._concerns(event.member):
                yield self._row(whole.time, event, who)

    def _concerns(self, member: int) -> bool:
        return not self._member or self._names.member(member) == self._member

    def _row(self, time: int, event: OrderFilled, who: Who) -> Row:
        report = _Report(self._names, event, who)
        new = report.new(time)
        if not report.lacks:
            self._reported += 1
            return {"New": new}
        self._lacking.update(report.lacks)
        return {LACKS: f"not reported: {report.tx_id} lacks {'; '.join(report.lacks)}"}


class _Report:
    """A report on a side of a trade. lacks: what it takes that is not known."""

    def __init__(self, names: Names, event: OrderFilled, who: Who) -> None:
        self._names = names
        self._event = event
        self._who = who
        self._firm = names.firm(event.member)
        self.lacks: list[str] = []
        self.tx_id = f"{event.match}{'B' if event.side == BUY else 'S'}"

    def new(self, time: int) -> Row:
        """Its elements, in the order of the schema, without those that are not known."""
        venue, firm = self._names.venue(), self._firm
        mic = self._known(venue.mic, "venue.mic")
        own = self._owner()
        other = None if mic is None else {"MIC": mic}
        buyer, seller = (own, other) if self._event.side == BUY else (other, own)
        return _without_none(
            TxId=self.tx_id,
            ExctgPty=self._known(firm.lei, f"members[].lei of {firm.name}"),
            InvstmtPtyInd=self._told(
                firm.investment_firm, f"members[].investment_firm of {firm.name}"
            ),
            SubmitgPty=self._known(venue.lei, "venue.lei"),
            Buyr=_party(buyer),
            Sellr=_party(seller),
            OrdrTrnsmssn={"TrnsmssnInd": False},
            Tx=self._tx(time, mic),
            FinInstrm=self._instrument(),
            InvstmtDcsnPrsn=self._person("InvstmtDcsnPrsn"),
            ExctgPrsn=self._executing(),
            AddtlAttrbts={"SctiesFincgTxInd": False},
        )

    def _tx(self, time: int, mic: str | None) -> Row:
        event = self._event
        instrument = self._names.refdata.instruments[event.instrument]
        quantity = instrument.format_qty(event.last_qty).decode()
        base = self._names.token(instrument.base.id)
        return _without_none(
            TradDt=time_text(time, MICRO),
            TradgCpcty=self._capacity(),
            Qty={"Unit": quantity} if self._holds(QUANTITY, quantity, "quantity") else None,
            DgtlTknQty=[{"Idr": base["DTI"], "Unit": quantity}] if "DTI" in base else None,
            Pric=self._price(instrument),
            TradVn=mic,
            TradPlcMtchgId=str(event.match),
        )

    def _price(self, instrument: Instrument) -> Row | None:
        """In money, or, where the quote asset is a token, in so many of it: see docs/exports.md."""
        price = instrument.format_price(self._event.last_price).decode()
        quote = self._names.token(instrument.quote.id)
        if "Ccy" in quote and self._holds(PRICE, price, "price"):
            return {"Pric": {"MntryVal": {"Amt": {"@Ccy": quote["Ccy"], "": price}}}}
        if "DTI" in quote:
            return {"NoPric": {"Pdg": "NOAP", "DgtlTkn": [{"Idr": quote["DTI"], "Unit": price}]}}
        if not quote:
            self._lack(f"assets[].currency of {instrument.quote.code}, or its dti")
        return None

    def _instrument(self) -> Row | None:
        """By ISIN, else by the token that is traded."""
        instrument = self._names.refdata.instruments[self._event.instrument]
        if isin := self._names.isin(instrument.id):
            return {"Id": isin}
        token = self._names.token(instrument.base.id)
        if "DTI" in token:
            other = {"Id": token["DTI"], "Tp": {"Prtry": "DTI"}}
            return {"AltrnId": {"OthrId": [other], "Desc": instrument.symbol}}
        self._lack(
            f"instruments[].isin of {instrument.symbol}, or assets[].dti of {instrument.base.code}"
        )
        return None

    # --- who ----------------------------------------------------------------------------------

    def _owner(self) -> Row | None:
        """Whose trade it is: of an agent its client's, else the member's own."""
        firm = self._firm
        if self._capacity_given() != "AOTC":
            return {"LEI": firm.lei}
        client = self._code("ClntId")
        if client == "AGGR":
            return {"Intl": "INTC"}
        if client is not None and is_lei(client):
            return {"LEI": client}
        self._lack(f"an LEI or AGGR as PartyID(448) of PartyRole(452) 3 by {firm.name}")
        return None

    def _executing(self) -> Row | None:
        if self._code("ExctgPrsn") == "NORE":
            return {"Clnt": "NORE"}
        if self._code("ExctgPrsn") is None:
            self._lack(f"PartyID(448) of PartyRole(452) 12 by {self._firm.name}")
        return self._person("ExctgPrsn")

    def _person(self, name: str) -> Row | None:
        """An algorithm of the member's, or one of its people, by a short code; None for nobody."""
        code, firm = self._code(name), self._firm
        if code is None:
            return None
        if code in firm.algos:
            return {"Algo": code}
        if len(code) > MAX_PERSON:
            self._lack(f"a PartyID(448) of {MAX_PERSON} characters at most by {firm.name}")
            return None
        if not firm.country:
            self._lack(f"members[].country of {firm.name}, or the code among its algos")
            return None
        other = {"Id": code, "SchmeNm": {"Prtry": "SHORT CODE"}, "Issr": firm.lei}
        return {"Prsn": {"CtryOfBrnch": firm.country, "Othr": other}}

    def _code(self, name: str) -> str | None:
        """A short code as text that XML holds; None where none came, or an empty one."""
        found = self._who.parties.get(name)
        return (plain(found["ShrtCd"]) or None) if found else None

    def _capacity_given(self) -> str | None:
        return self._who.capacity.get("TradgCpcty")

    def _capacity(self) -> str | None:
        return self._told(self._capacity_given(), f"OrderCapacity(528) by {self._firm.name}")

    # --- what is known ------------------------------------------------------------------------

    def _lack(self, what: str) -> None:
        if what not in self.lacks:
            self.lacks.append(what)

    def _told(self, value: _T | None, what: str) -> _T | None:
        if value is None:
            self._lack(what)
        return value

    def _known(self, text: str, what: str) -> str | None:
        return self._told(text or None, what)

    def _holds(self, digits: tuple[int, int], number: str, what: str) -> bool:
        """Whether a number of the document can be this one."""
        whole, _, places = number.partition(".")
        if len((whole + places).lstrip("0")) <= digits[0] and len(places) <= digits[1]:
            return True
        self._lack(f"a {what} of {digits[0]} digits at most, {digits[1]} after the point")
        return False


def _party(ident: Row | None) -> Row | None:
    return None if ident is None else {"AcctOwnr": [{"Id": ident}]}


def _without_none(**elements: object) -> Row:
    return {name: value for name, value in elements.items() if value is not None}


TRANSACTIONS: Final = Kind(
    "transactions",
    1,
    ("xml",),
    Transactions,
    (),
    wanted=(("New",),),
    begin=(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="{NAMESPACE}"><FinInstrmRptgTxRpt>'
    ).encode(),
    end=b"</FinInstrmRptgTxRpt></Document>",
    by_member=True,
    element="Tx",
)
