"""A second venue, naive and obvious, written from the rules and not from the core.

Everything is a plain list, searched and sorted each time; what an account holds is summed up from
its open orders whenever someone asks. Slow, but each rule can be read off. Its texts are only
"some text" or none; the comparison treats the core's alike.
"""

from fractions import Fraction
from math import ceil, floor

from engine.model import events as e
from engine.model.clock import NANOS_PER_DAY
from engine.model.enums import (
    BLOCK_ACCOUNT,
    BLOCK_ALL,
    BLOCK_INSTRUMENT,
    BLOCK_MEMBER,
    BLOCK_SESSION,
    BUY,
    CANCELED,
    DAY,
    EXPIRED,
    FILLED,
    FOK,
    GTC,
    HOLD_FROZEN,
    HOLD_RESTRICTED,
    IOC,
    LIMIT,
    MAKER,
    MARKET,
    NEW,
    PARTIALLY_FILLED,
    REJECTED,
    SELL,
    TAKER,
)
from engine.model.refdata import ReferenceData
from tests.engine.oracle_transfers import INT64_MAX, TEXT, Transfers

NEVER = 2**63 - 1
FORGET_PER_COMMAND = 4


class OracleOrder:
    """An order with plain attributes."""

    def __init__(self, **fields):
        self.cum = self.cum_value = 0
        self.status = NEW
        self.text = ""
        self.rank = None  # place in the queue of its price; None: not in the book
        self.__dict__.update(fields)

    @property
    def leaves(self):
        return self.qty - self.cum if self.status in (NEW, PARTIALLY_FILLED) else 0

    @property
    def is_open(self):
        return self.status in (NEW, PARTIALLY_FILLED)


class Oracle(Transfers):
    """apply() gives the events that the venue must give."""

    def __init__(self, mass_slice=500):
        self.refdata = ReferenceData()
        self.mass_slice = mass_slice
        self.money = {}  # (account, asset) -> owned
        self.deposits = []
        self.withdrawals = {}  # reference -> [command, "held" or how it ended]
        self.reversals = []
        self.orders = []  # accepted and rejected
        self.living = []  # those that may be open; what has ended never is again
        self.names = []  # [session, ClOrdID, order, time]
        self.blocks = []
        self.holds = {}  # account -> [level, reference, what was asked for (level, by) or None]
        self.hold_names = []
        self.limits = {}  # instrument -> (lots, notional, collar)
        self.account_limits = {}
        self.last = {}
        self.appl_seq = {}
        self.matches = 0
        self.ranks = 0
        self.operations = []
        self.day_end = None

    # --- questions ---

    def book(self, instrument, side):
        """Resting orders of one side, best first."""
        resting = [
            o
            for o in self.living
            if o.is_open and o.rank is not None and (o.instrument, o.side) == (instrument, side)
        ]
        sign = -1 if side == BUY else 1
        return sorted(resting, key=lambda o: (o.price * sign, o.rank))

    def hold(self, o):
        i = self.refdata.instruments[o.instrument]
        if o.side != BUY:
            return o.leaves * i.base_per_lot
        value = o.leaves * o.price * i.quote_per_tick_lot
        return value + ceil(Fraction(value * max(o.maker_ppm, o.taker_ppm), 1_000_000))

    def pays_with(self, o):
        i = self.refdata.instruments[o.instrument]
        return i.quote.id if o.side == BUY else i.base.id

    def held(self, account, asset):
        return sum(
            self.hold(o)
            for o in self.living
            if o.is_open
            and o.rank is not None
            and o.account == account
            and self.pays_with(o) == asset
        ) + sum(
            w.amount + w.fee
            for w, state in self.withdrawals.values()
            if state == "held" and (w.account, w.asset) == (account, asset)
        )

    def available(self, account, asset):
        return self.money.get((account, asset), 0) - self.held(account, asset)

    def known(self, session, name):
        return next((n[2] for n in self.names if n[:2] == [session, name]), None)

    def open_ids(self):
        return sorted(o.id for o in self.living if o.is_open and o.rank is not None)

    # --- events ---

    def number(self, member):
        self.appl_seq[member] = self.appl_seq.get(member, 0) + 1
        return self.appl_seq[member]

    def report(self, kind, o, *, cl_ord_id=None, seq=None, leaves=None, trader=b"", **more):
        if seq is None:
            seq = self.number(o.member)
        return kind(
            member=o.member,
            session=o.session,
            appl_seq=seq,
            order_id=o.id,
            cl_ord_id=o.cl_ord_id if cl_ord_id is None else cl_ord_id,
            account=o.account,
            instrument=o.instrument,
            side=o.side,
            ord_type=o.ord_type,
            tif=o.tif,
            qty=o.qty,
            price=o.price,
            status=o.status,
            cum=o.cum,
            leaves=o.leaves if leaves is None else leaves,
            cum_value=o.cum_value,
            trader=trader or o.trader,
            **more,
        )

    def status(self, o, name):
        orig = b"" if name == o.cl_ord_id else o.cl_ord_id
        return self.report(
            e.OrderStatusReported, o, cl_ord_id=name, seq=0, orig_cl_ord_id=orig, text=o.text
        )

    def cancel_rejected(self, session, o, command, response_to, reason):
        return e.CancelRejected(
            session.member,
            session.id,
            self.number(session.member),
            o.id if o else 0,
            command.cl_ord_id,
            command.orig_cl_ord_id,
            o.account if o else 0,
            o.status if o else REJECTED,
            response_to,
            reason,
            TEXT,
            command.origin.trader or (o.trader if o else b""),
        )

    # --- commands ---

    def apply(self, command, number, time):
        """The events of a command, texts blanked."""
        if self.day_end is None:
            self.day_end = (time // NANOS_PER_DAY + 1) * NANOS_PER_DAY
        self.time = time
        self.command_number = number
        self.out = []
        self.living = [o for o in self.living if o.is_open]
        for _ in range(FORGET_PER_COMMAND):
            if self.names and self.names[0][3] + NANOS_PER_DAY <= time:
                session, name, order, _ = self.names.pop(0)
                if order.is_open:
                    self.names.append([session, name, order, time])
        getattr(self, "on_" + type(command).__name__, self.configure)(command)
        return self.out

    def configure(self, command):
        self.refdata.apply(command)

    def on_SetInstrumentLimits(self, x):  # noqa: N802
        self.limits[x.instrument] = (x.max_order_lots, x.max_order_notional, x.collar_bps)

    def on_SetAccountLimits(self, x):  # noqa: N802
        self.account_limits[x.account] = x

    def give(self, account, asset, amount):
        self.money[account, asset] = self.money.get((account, asset), 0) + amount
        assert self.money[account, asset] >= 0

    def remember(self, session, name, o):
        mine = [n for n in self.names if n[0] == session.id]
        if len(mine) < session.cl_ord_id_cap and name not in [n[1] for n in mine]:
            self.names.append([session.id, name, o, self.time])

    def on_NewOrder(self, x):  # noqa: N802
        session = self.refdata.sessions[x.origin.session]
        known = self.known(session.id, x.cl_ord_id)
        if x.poss_resend and known:
            self.out.append(self.status(known, x.cl_ord_id))
            return
        account = self.refdata.accounts.get(x.account)
        owned = account is not None and account.member == session.member
        i = self.refdata.instruments[x.instrument]
        o = OracleOrder(
            id=self.command_number,
            session=session.id,
            member=session.member,
            account=x.account if owned else 0,
            instrument=x.instrument,
            side=x.side,
            ord_type=x.ord_type,
            tif=x.tif,
            qty=x.qty,
            price=0 if x.ord_type == MARKET else x.price,
            cl_ord_id=x.cl_ord_id,
            expire_at=self.day_end if x.tif == DAY else NEVER,
            maker_ppm=i.maker_ppm,
            taker_ppm=i.taker_ppm,
            trader=x.origin.trader,
        )
        self.clear_the_way(o)
        reason = self.refuses(o, session, new=True, name=x.cl_ord_id)
        if reason is not None:
            o.status, o.text = REJECTED, TEXT
            self.out.append(self.report(e.OrderRejected, o, leaves=0, reason=reason, text=TEXT))
            self.remember(session, x.cl_ord_id, o)
            return
        self.orders.append(o)
        self.living.append(o)
        self.remember(session, x.cl_ord_id, o)
        self.out.append(self.report(e.OrderAccepted, o))
        if o.tif == FOK and sum(n for _, n in self.fills(o)) < o.qty:
            self.cancel(o)
            return
        self.trade(o)

    def cancel(self, o, restatement=-1):
        o.status, o.rank = CANCELED, None
        self.out.append(self.report(e.OrderCanceled, o, restatement=restatement, text=TEXT))

    # --- checks ---

    def refuses(self, o, session, *, new, name):
        """OrdRejReason(103) of the first rule that is broken, or None."""
        i = self.refdata.instruments[o.instrument]
        for scope, target in (
            (BLOCK_SESSION, session.id),
            (BLOCK_ACCOUNT, o.account),
            (BLOCK_MEMBER, session.member),
            (BLOCK_INSTRUMENT, i.id),
            (BLOCK_ALL, 0),
        ):
            if (scope, target) in self.blocks:
                return 0
        if self.held_back(o):
            return 99
        if new and self.known(session.id, name):
            return 6
        if len([n for n in self.names if n[0] == session.id]) >= session.cl_ord_id_cap:
            return 99
        if o.account == 0:
            return 15
        if o.qty <= 0:
            return 13
        if o.ord_type == LIMIT and o.price <= 0:
            return 99
        return self.exceeds(o, i, new)

    def exceeds(self, o, i, new):
        fills = self.fills(o)
        if o.ord_type == MARKET:
            if o.tif == FOK and sum(n for _, n in fills) < o.qty:
                fills = []
            values = [n * maker.price * i.quote_per_tick_lot for maker, n in fills]
            notional = sum(values)
            need = sum(n for _, n in fills) * i.base_per_lot
            if o.side == BUY:
                need = notional + sum(v * o.taker_ppm // 1_000_000 for v in values)
        else:
            notional = o.qty * o.price * i.quote_per_tick_lot
            need = self.hold(o)
        bids = self.book(o.instrument, BUY)
        highest = max([o.price] + ([b.price for b in bids] if o.side != BUY else []))
        value = (o.cum_value + (o.qty - o.cum) * highest) * i.quote_per_tick_lot
        if max(value, o.qty * i.base_per_lot, need) > INT64_MAX:
            return 3
        max_lots, max_notional, collar = self.limits.get(i.id, (0, 0, 0))
        rows = [(max_lots, max_notional)]
        limits = self.account_limits.get(o.account)
        if limits:
            rows += [(lots, value) for which, lots, value in limits.per_instrument if which == i.id]
        for lots, value in rows:
            if (lots and o.qty > lots) or (value and notional > value):
                return 3
        mine = [x for x in self.living if x.is_open and x.account == o.account]
        rests = o.ord_type == LIMIT and o.tif in (DAY, GTC)
        if new and rests and limits and 0 < limits.max_open_orders <= len(mine):
            return 3
        centre = self.last.get(i.id, i.reference_price)
        away = abs(Fraction(o.price, centre) - 1)
        if o.ord_type == LIMIT and collar and away > Fraction(collar, 10_000):
            return 99
        if self.available(o.account, self.pays_with(o)) < need:
            return 3
        return None

    # --- trading ---

    def bound(self, o):
        """The worst price that an order may trade at, or None."""
        if o.ord_type == LIMIT:
            return o.price
        others = self.book(o.instrument, 3 - o.side)
        collar = self.limits.get(o.instrument, (0, 0, 0))[2]
        if not others or not collar:
            return None
        best, share = others[0].price, Fraction(collar, 10_000)
        return floor(best * (1 + share)) if o.side == BUY else max(1, ceil(best * (1 - share)))

    def matches_up_to_own(self, o):
        bound = self.bound(o)
        for maker in self.book(o.instrument, 3 - o.side):
            if bound is not None and (maker.price - bound) * (1 if o.side == BUY else -1) > 0:
                return
            yield maker
            if maker.member == o.member:
                return

    def fills(self, o):
        """(maker, lots) that an order would trade now."""
        left, result = o.qty - o.cum, []
        for maker in self.matches_up_to_own(o):
            if maker.member == o.member or left <= 0:
                break
            lots = min(left, maker.leaves)
            left -= lots
            result.append((maker, lots))
        return result

    def trade(self, o):
        i = self.refdata.instruments[o.instrument]
        meets = list(self.matches_up_to_own(o))
        for maker, lots in self.fills(o):
            self.fill(i, maker, o, lots)
            meets.remove(maker)
        if o.status == FILLED:
            return
        if meets:
            assert meets[0].member == o.member
            self.cancel(o, restatement=8)
        elif o.ord_type == MARKET or o.tif in (IOC, FOK):
            self.cancel(o)
        else:
            self.ranks += 1
            o.rank = self.ranks

    def fill(self, i, maker, taker, lots):
        value = lots * maker.price * i.quote_per_tick_lot
        self.matches += 1
        self.last[i.id] = maker.price
        for o, ppm, liquidity in (
            (maker, maker.maker_ppm, MAKER),
            (taker, taker.taker_ppm, TAKER),
        ):
            fee = floor(Fraction(value * ppm, 1_000_000))
            sign = 1 if o.side == BUY else -1
            self.money[o.account, i.base.id] = (
                self.money.get((o.account, i.base.id), 0) + sign * lots * i.base_per_lot
            )
            self.give(o.account, i.quote.id, -sign * value - fee)
            self.give(0, i.quote.id, fee)
            o.cum += lots
            o.cum_value += lots * maker.price
            o.status = FILLED if o.cum == o.qty else PARTIALLY_FILLED
            if o.status == FILLED:
                o.rank = None
            self.out.append(
                self.report(
                    e.OrderFilled,
                    o,
                    last_qty=lots,
                    last_price=maker.price,
                    fee=fee,
                    match=self.matches,
                    liquidity=liquidity,
                )
            )

    def clear_the_way(self, o):
        """Orders past their expiry, or held back, that `o` would meet, from the best on."""
        left = o.qty - o.cum
        for maker in self.book(o.instrument, 3 - o.side):
            if left <= 0:
                return
            if o.ord_type == LIMIT and (maker.price - o.price) * (1 if o.side == BUY else -1) > 0:
                return
            if maker.expire_at <= self.time:
                self.expire(maker)
            elif self.held_back(maker):
                self.cancel(maker, restatement=8)
            elif maker.member == o.member:
                return
            else:
                left -= maker.leaves

    def expire(self, o):
        o.status, o.rank = EXPIRED, None
        self.out.append(self.report(e.OrderExpired, o, text=TEXT))

    # --- cancels and replaces ---

    def find(self, session, orig, order_id):
        o = self.known(session.id, orig)
        if o is None:
            alive = [n[2] for n in self.names]
            o = next((x for x in self.orders if x.id == order_id and x in alive), None)
            if o is None or o.session != session.id:
                return None
        return None if o.status == REJECTED else o

    def wrong_request(self, session, x, o):
        if self.known(session.id, x.cl_ord_id):
            return 6
        if o is None:
            return 1
        if not o.is_open:
            return 0
        if (x.instrument, x.side) != (o.instrument, o.side):
            return 99
        return None

    def on_CancelOrder(self, x):  # noqa: N802
        session = self.refdata.sessions[x.origin.session]
        known = self.known(session.id, x.cl_ord_id)
        if x.poss_resend and known:
            self.out.append(self.status(known, x.cl_ord_id))
            return
        o = self.find(session, x.orig_cl_ord_id, x.order_id)
        if o and o.is_open and o.expire_at <= self.time:
            self.expire(o)
        reason = self.wrong_request(session, x, o)
        if reason is not None:
            self.out.append(self.cancel_rejected(session, o, x, 1, reason))
            return
        o.status, o.rank = CANCELED, None
        self.out.append(
            self.report(
                e.OrderCanceled,
                o,
                cl_ord_id=x.cl_ord_id,
                orig_cl_ord_id=o.cl_ord_id,
                trader=x.origin.trader,
            )
        )
        self.remember(session, x.cl_ord_id, o)

    def on_ReplaceOrder(self, x):  # noqa: N802
        session = self.refdata.sessions[x.origin.session]
        known = self.known(session.id, x.cl_ord_id)
        if x.poss_resend and known:
            self.out.append(self.status(known, x.cl_ord_id))
            return
        o = self.find(session, x.orig_cl_ord_id, x.order_id)
        if o and o.is_open and o.expire_at <= self.time:
            self.expire(o)
        reason = self.wrong_request(session, x, o)
        if reason is None and (x.ord_type != o.ord_type or x.tif not in (-1, o.tif)):
            reason = 99
        if reason is None:
            i = self.refdata.instruments[o.instrument]
            wish = OracleOrder(**o.__dict__)
            wish.qty, wish.price, wish.rank = x.qty, x.price, None
            wish.maker_ppm, wish.taker_ppm = i.maker_ppm, i.taker_ppm
            self.clear_the_way(wish)
            if x.qty <= o.cum:
                wish.status = FILLED  # it holds nothing
            reason = self.refuses(wish, session, new=False, name=b"")
            if reason is not None:
                reason = 2 if reason == 0 else 99
        if reason is not None:
            self.out.append(self.cancel_rejected(session, o, x, 2, reason))
            return
        self.put_into_force(session, x, o)

    def put_into_force(self, session, x, o):
        i = self.refdata.instruments[o.instrument]
        orig, keeps = o.cl_ord_id, x.price == o.price and x.qty <= o.qty
        o.cl_ord_id, o.price, o.qty = x.cl_ord_id, x.price, max(x.qty, o.cum)
        o.maker_ppm, o.taker_ppm = i.maker_ppm, i.taker_ppm
        self.remember(session, x.cl_ord_id, o)
        if o.qty == o.cum:
            o.status, o.rank = FILLED, None
        elif not keeps:
            o.rank = None
        self.out.append(
            self.report(e.OrderReplaced, o, orig_cl_ord_id=orig, trader=x.origin.trader)
        )
        if o.is_open and not keeps:
            self.trade(o)

    # --- refusals of the gateway ---

    def on_RefusedOrder(self, x):  # noqa: N802
        session = self.refdata.sessions[x.origin.session]
        fields = dict.fromkeys(
            ("account", "instrument", "side", "ord_type", "tif", "qty", "price", "expire_at"), 0
        )
        o = OracleOrder(
            id=self.command_number,
            session=session.id,
            member=session.member,
            cl_ord_id=x.cl_ord_id,
            trader=x.origin.trader,
            **fields,
        )
        o.status, o.text = REJECTED, TEXT
        words = (x.cl_ord_id, x.account, x.symbol, x.side, x.ord_type, x.tif, x.qty, x.price)
        seq = self.number(session.member)
        more = (x.reason, TEXT, x.origin.trader)
        self.out.append(e.OrderRefused(session.member, session.id, seq, *words, *more))
        self.remember(session, x.cl_ord_id, o)

    def on_RefusedCancel(self, x):  # noqa: N802
        session = self.refdata.sessions[x.origin.session]
        o = self.find(session, x.orig_cl_ord_id, 0)
        self.out.append(self.cancel_rejected(session, o, x, x.response_to, x.reason))

    def on_RefusedMassCancel(self, x):  # noqa: N802
        session = self.refdata.sessions[x.origin.session]
        self.mass_report(session, x, x.scope, x.symbol, 0, x.reason, 0, TEXT)

    def on_RefusedMessage(self, x):  # noqa: N802
        session = self.refdata.sessions[x.origin.session]
        seq, rest = x.origin.seq, (x.msg_type, x.cl_ord_id, x.reason, TEXT)
        self.out.append(e.MessageRefused(session.member, session.id, seq, *rest))

    def mass_report(self, session, x, *fields):
        names = (session.member, session.id, self.number(session.member), x.cl_ord_id)
        self.out.append(e.MassCancelReported(*names, *fields, x.origin.trader))

    # --- mass operations ---

    def start(self, todo, end, last, still=lambda o: True):
        operation = [self.command_number, todo, end, last, still]
        if not self.slice(operation):
            self.operations.append(operation)

    def slice(self, operation):
        _, todo, end, last, still = operation
        ended = 0
        while todo and ended < self.mass_slice:
            o = todo.pop(0)
            if o.is_open and still(o):
                end(o)
                ended += 1
        if any(o.is_open and still(o) for o in todo):
            return False
        last()
        return True

    def on_ContinueMass(self, x):  # noqa: N802
        assert self.operations[0][0] == x.operation
        if self.slice(self.operations[0]):
            self.operations.pop(0)

    def open_where(self, test):
        return sorted((o for o in self.living if o.is_open and test(o)), key=lambda o: o.id)

    def on_MassCancel(self, x):  # noqa: N802
        session = self.refdata.sessions[x.origin.session]
        todo = self.open_where(
            lambda o: o.session == session.id and x.instrument in (0, o.instrument)
        )
        symbol = self.refdata.instruments[x.instrument].symbol if x.instrument else ""
        ended = []

        def end(o):
            ended.append(o)
            self.cancel(o)

        def last():
            scope = str(x.scope).encode()
            self.mass_report(session, x, scope, symbol.encode(), x.scope, 0, len(ended), "")

        self.start(todo, end, last)

    def on_Block(self, x):  # noqa: N802
        self.blocks = [b for b in self.blocks if b != (x.scope, x.target)]
        self.blocks.append((x.scope, x.target))
        self.out.append(e.Blocked(x.scope, x.target, x.reason))
        if not x.cancel:
            return
        field = {
            BLOCK_SESSION: "session",
            BLOCK_ACCOUNT: "account",
            BLOCK_MEMBER: "member",
            BLOCK_INSTRUMENT: "instrument",
        }.get(x.scope)
        todo = self.open_where(lambda o: field is None or getattr(o, field) == x.target)
        self.start(todo, lambda o: self.cancel(o, restatement=8), lambda: None)

    def on_Unblock(self, x):  # noqa: N802
        if (x.scope, x.target) in self.blocks:
            self.blocks.remove((x.scope, x.target))
            self.out.append(e.Unblocked(x.scope, x.target, x.reason))
        else:
            self.out.append(e.CommandRefused(TEXT))

    def on_SetHold(self, x):  # noqa: N802
        level, reference, asked = self.holds.get(x.account, [0, "", None])
        loosens = x.level < level
        if (
            x.account not in self.refdata.accounts
            or x.reference in self.hold_names
            or x.level == level == 0
            or (loosens and (x.of != reference or asked == (x.level, x.by)))
        ):
            self.out.append(e.CommandRefused(TEXT))
            return
        self.hold_names.append(x.reference)
        said = (x.account, x.level, x.reason, x.reference, x.by)
        if loosens and (asked is None or asked[0] != x.level):
            self.holds[x.account][2] = (x.level, x.by)
            self.out.append(e.HoldLiftAsked(*said, x.of))
            return
        self.holds[x.account] = [x.level, x.reference, None]
        self.out.append(e.HoldSet(*said))
        if x.level:
            todo = self.open_where(lambda o: o.account == x.account)
            end = lambda o: self.cancel(o, restatement=8)  # noqa: E731
            self.start(todo, end, lambda: None, self.held_back)

    def held_back(self, o):
        """Whether an order's account may not have it."""
        level = self.holds.get(o.account, [0])[0]
        return level == HOLD_FROZEN or (level == HOLD_RESTRICTED and not self.closes(o))

    def closes(self, o):
        """It sells a coin for money, which no instrument trades; or one that is traded for coins
        alone."""
        instruments = self.refdata.instruments.values()
        coins = [i.base for i in instruments]
        traded = self.refdata.instruments[o.instrument]
        for_money = [i for i in instruments if i.base == traded.base and i.quote not in coins]
        return o.side == SELL and (traded in for_money or not for_money)

    def on_EndOfDay(self, x):  # noqa: N802
        end = (x.day + 1) * NANOS_PER_DAY
        if end > self.time or end < self.day_end:
            self.out.append(e.CommandRefused(TEXT))
            return
        self.day_end = end + NANOS_PER_DAY
        todo = self.open_where(lambda o: o.expire_at <= end)
        self.start(todo, self.expire, lambda: self.out.append(e.DayEnded(x.day)))
