"""What the journal means for the ledger: a batch for each command that moved money. Pure.

A batch has the key `record/NUMBER`, so that the same record is posted once, whoever reads it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from custody.ledger import chart
from custody.ledger.chart import Place
from custody.ledger.ledger import Ledger
from custody.ledger.transfers import Batch, Posted, Transfer
from engine.model.commands import Command, DefineAsset, DefineInstrument
from engine.model.enums import BUY, MAKER, SELL
from engine.model.events import CommandRefused, Deposited, OrderFilled
from engine.model.ids import VENUE_ACCOUNT
from engine.model.refdata import ReferenceData
from engine.replay import Whole

MAX_DECIMALS: Final = 18
"""Of an asset on its chain: beyond these an amount of the venue could exceed the ledger's."""


class JournalPostings:
    """Posts to `ledger` what each command of the journal moved, in the journal's order.

    decimals: by asset code, of the asset's atomic unit where that is smaller than the venue's, as
    wei are; of the others the ledger counts what the venue counts.
    """

    def __init__(
        self,
        ledger: Ledger,
        decimals: Mapping[str, int] | None = None,
        last_read: int = -1,
        defined: Iterable[Command] = (),
    ) -> None:
        """defined: the commands up to `last_read` that `defines` was true of."""
        self.ledger = ledger
        self.refdata = ReferenceData()
        for command in defined:
            self.refdata.apply(command)
        self.last_read = last_read
        """Number of the last record whose command is posted."""
        self._decimals = decimals or {}

    @staticmethod
    def defines(whole: Whole) -> bool:
        """Whether later commands cannot be posted without knowing this one."""
        refused = any(isinstance(event, CommandRefused) for event in whole.events)
        return not refused and isinstance(whole.command, DefineAsset | DefineInstrument)

    def take(self, whole: Whole) -> Posted | None:
        """Post a command's money; None if it moved none. Commands have to come in order."""
        assert whole.first == self.last_read + 1, (whole.first, self.last_read)
        if self.defines(whole):
            self.refdata.apply(whole.command)
        transfers = tuple(self._transfers(whole))
        posted = None
        if transfers:
            posted = self.ledger.post(Batch(f"record/{whole.first}", whole.time, transfers))
        self.last_read = whole.last
        return posted

    def balance(self, account: int, asset: int) -> int:
        """What the ledger has of an account, in the venue's minor units; the venue's own account is
        its fees. Asserts that it is a whole number of them."""
        place = self._place(asset, account)
        if place.name not in self.ledger.accounts:
            return 0
        balance = self.ledger.accounts[place.name].balance
        whole, rest = divmod(balance, self._factor(asset))
        assert rest == 0, f"{place.name} has a part of a minor unit"
        return whole

    def _transfers(self, whole: Whole) -> Iterator[Transfer]:
        waiting: dict[int, OrderFilled] = {}
        for event in whole.events:
            if isinstance(event, OrderFilled):
                other = waiting.pop(event.match, None)
                if other is None:
                    waiting[event.match] = event
                else:
                    yield from self._trade(other, event)
            elif isinstance(event, Deposited):
                yield self._opening(event)
        assert not waiting, f"record {whole.first} has one side of a trade"

    def _trade(self, one: OrderFilled, other: OrderFilled) -> Iterator[Transfer]:
        """Both sides of a match: coins against money, and the fee of each."""
        buy, sell = (one, other) if one.side == BUY else (other, one)
        assert (buy.side, sell.side) == (BUY, SELL)
        assert (buy.last_qty, buy.last_price) == (sell.last_qty, sell.last_price)
        instrument = self.refdata.instruments[buy.instrument]
        base, quote = instrument.base.id, instrument.quote.id
        coins = buy.last_qty * instrument.base_per_lot
        money = buy.last_qty * buy.last_price * instrument.quote_per_tick_lot
        if buy.account != sell.account:
            yield self._moved(base, sell.account, buy.account, coins, "trade")
            yield self._moved(quote, buy.account, sell.account, money, "trade")
        for side in (one, other):
            if side.fee:
                code = "maker-fee" if side.liquidity == MAKER else "taker-fee"
                yield self._moved(quote, side.account, VENUE_ACCOUNT, side.fee, code)

    def _opening(self, event: Deposited) -> Transfer:
        source = chart.opening(self.refdata.assets[event.asset].code)
        target = self._place(event.asset, event.account)
        amount = event.amount * self._factor(event.asset)
        return Transfer(self._opened(source), self._opened(target), amount, "opening")

    def _moved(self, asset: int, payer: int, payee: int, amount: int, code: str) -> Transfer:
        """amount: in minor units of the venue."""
        debit = self._opened(self._place(asset, payer))
        credit = self._opened(self._place(asset, payee))
        return Transfer(debit, credit, amount * self._factor(asset), code)

    def _place(self, asset: int, account: int) -> Place:
        """Where the ledger has what an account of the venue has."""
        code = self.refdata.assets[asset].code
        return chart.trading_fees(code) if account == VENUE_ACCOUNT else chart.client(code, account)

    def _opened(self, place: Place) -> str:
        return self.ledger.open(*place).name

    def _factor(self, asset: int) -> int:
        """Atomic units of the ledger in one minor unit of the venue."""
        known = self.refdata.assets[asset]
        more = self._decimals.get(known.code, known.scale) - known.scale
        assert 0 <= more <= MAX_DECIMALS
        return int(10**more)
