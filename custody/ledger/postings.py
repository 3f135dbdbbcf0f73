"""What the journal means for the ledger: a batch for each command that moved money. Pure.

A batch has the key `record/NUMBER`, so that the same record is posted once, whoever reads it; that
of a withdrawal's hold has `hold/REFERENCE`, so that its end finds it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from custody.ledger import chart
from custody.ledger.chart import Place
from custody.ledger.ledger import Ledger
from custody.ledger.transfers import Batch, Phase, Posted, Transfer
from engine.model.commands import (
    Command,
    DefineAccount,
    DefineAsset,
    DefineInstrument,
    DefineMember,
    SetHold,
)
from engine.model.enums import BUY, MAKER, SELL
from engine.model.events import (
    CommandRefused,
    CustodyEvent,
    Deposited,
    DepositReversed,
    Event,
    HoldSet,
    OrderFilled,
    WithdrawalHeld,
    WithdrawalReleased,
    WithdrawalSettled,
)
from engine.model.ids import VENUE_ACCOUNT
from engine.model.refdata import ReferenceData
from engine.replay import Whole

MAX_DECIMALS: Final = 18
"""Of an asset on its chain: beyond these an amount of the venue could exceed the ledger's."""


CHAIN_DEPOSIT: Final = "deposit/"
"""What references of deposits begin with that came over a chain."""

RECORD_KEY: Final = "record/"
"""What keys begin with of batches that a record caused; its number follows."""

HOLD_KEY: Final = "hold/"
"""What keys begin with of batches that hold a withdrawal; its reference follows."""


_DEFINING: Final = (DefineAsset, DefineInstrument, DefineMember, DefineAccount)


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
        self.holds: dict[int, int] = {}
        """By account, what the venue holds it to: enums.HOLD_*."""
        for command in defined:
            self._define(command)
        self.last_read = last_read
        """Number of the last record whose command is posted."""
        self.decimals = decimals or {}

    @staticmethod
    def defines(whole: Whole) -> bool:
        """Whether later commands cannot be posted, or told of, without knowing this one; or it says
        what an account is held to now, which to ask for was not enough."""
        if isinstance(whole.command, SetHold):
            return any(isinstance(event, HoldSet) for event in whole.events)
        refused = any(isinstance(event, CommandRefused) for event in whole.events)
        return not refused and isinstance(whole.command, _DEFINING)

    def take(self, whole: Whole) -> Posted | None:
        """Post a command's money; None if it moved none. Commands have to come in order."""
        assert whole.first == self.last_read + 1, (whole.first, self.last_read)
        if self.defines(whole):
            self._define(whole.command)
        transfers = tuple(self._transfers(whole))
        posted = None
        if transfers:
            posted = self.ledger.post(Batch(key_of(whole), whole.time, transfers))
        self.last_read = whole.last
        return posted

    def _define(self, command: Command) -> None:
        if isinstance(command, SetHold):
            self.holds[command.account] = command.level
        else:
            self.refdata.apply(command)

    def balance(self, account: int, asset: int) -> int:
        """What the ledger has of an account, in the venue's minor units; the venue's own account is
        its fees. Asserts that it is a whole number of them."""
        places = [self._place(asset, account)]
        if account == VENUE_ACCOUNT:
            places.append(chart.withdrawal_fees(self.refdata.assets[asset].code))
        accounts = self.ledger.accounts
        balance = sum(accounts[p.name].balance for p in places if p.name in accounts)
        whole, rest = divmod(balance, self._factor(asset))
        assert rest == 0, f"{places[0].name} has a part of a minor unit"
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
            else:
                yield from self._custody(event)
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

    def _custody(self, event: Event) -> Iterator[Transfer]:
        """Money that entered, is about to leave, has left, or never came."""
        match event:
            case Deposited():
                source, why = self._source(event.asset, event.reference)
                client = self._client(event)
                yield Transfer(source, client, event.amount * self._factor(event.asset), why)
            case DepositReversed():
                yield from self._reversal(event)
            case WithdrawalHeld():
                client = self._client(event)
                for target, part in self._parts(event):
                    yield Transfer(client, target, part, "withdrawal", Phase.PENDING)
            case WithdrawalSettled():
                yield from self._end(event, Phase.POST)
                code = self.refdata.assets[event.asset].code
                payable, gone = (
                    self._opened(chart.payable(code)),
                    self._opened(chart.outgoing(code)),
                )
                yield Transfer(
                    payable, gone, event.amount * self._factor(event.asset), "withdrawal"
                )
            case WithdrawalReleased():
                yield from self._end(event, Phase.VOID)
            case _:
                pass

    def _reversal(self, event: DepositReversed) -> Iterator[Transfer]:
        """What was still there goes back; the rest is owed."""
        factor = self._factor(event.asset)
        source, _ = self._source(event.asset, event.deposit)
        if event.taken:
            yield Transfer(self._client(event), source, event.taken * factor, "reversal")
        if missing := event.amount - event.taken:
            code = self.refdata.assets[event.asset].code
            owed = self._opened(chart.owed(code, event.account))
            yield Transfer(owed, source, missing * factor, "reversal")

    def _end(
        self, event: WithdrawalSettled | WithdrawalReleased, phase: Phase
    ) -> Iterator[Transfer]:
        """The end of each part of a hold."""
        client = self._client(event)
        for k, (target, part) in enumerate(self._parts(event)):
            moved = part if phase == Phase.POST else 0
            hold = f"{HOLD_KEY}{event.reference}#{k}"
            yield Transfer(client, target, moved, "withdrawal", phase, pending=hold)

    def _parts(
        self, event: WithdrawalHeld | WithdrawalSettled | WithdrawalReleased
    ) -> Iterator[tuple[str, int]]:
        """Where a withdrawal goes: out, and its fee to the venue."""
        code, factor = self.refdata.assets[event.asset].code, self._factor(event.asset)
        yield self._opened(chart.payable(code)), event.amount * factor
        if event.fee:
            yield self._opened(chart.withdrawal_fees(code)), event.fee * factor

    def _client(self, event: CustodyEvent) -> str:
        return self._opened(self._place(event.asset, event.account))

    def _source(self, asset: int, reference: str) -> tuple[str, str]:
        """Where a deposit came from, and what it is called."""
        code = self.refdata.assets[asset].code
        if reference.startswith(CHAIN_DEPOSIT):
            return self._opened(chart.incoming(code)), "deposit"
        return self._opened(chart.opening(code)), "opening"

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
        more = self.decimals.get(known.code, known.scale) - known.scale
        assert 0 <= more <= MAX_DECIMALS
        return int(10**more)


def key_of(whole: Whole) -> str:
    """The key of the batch that a command's record causes, if it moves money."""
    for event in whole.events:
        if isinstance(event, WithdrawalHeld):
            return f"{HOLD_KEY}{event.reference}"
    return f"{RECORD_KEY}{whole.first}"
