"""A trader that asks for everything that there is, right and wrong."""

from itertools import count

from tests.support.member import utc_now
from tests.support.traders import SIDES, Trader

MARKETS = {
    "BTC-USD": ("0.0", "100.0"),
    "ETH-USD": ("0.", "10.0"),
    "ETH-BTC": ("1", "0.0100"),
}
"""Symbol to the first digits of quantities and prices; one or two random digits follow."""

PARTIES = "453=2|448=ALGO1|447=D|452=12|448=DESK7|447=D|452=3|"

DAY, GTC, IOC, FOK, GTD = "01346"

REFUSED_ORDERS = {
    "unknown symbol": {"symbol": "DOGE-USD"},
    "off lot": {"qty": "0.00000001"},
    "off tick": {"price": "100.000001"},
    "instruction": {"extra": "18=1|"},
    "stop": {"kind": "3", "extra": "99=120|"},
    "account": {"extra": "1=NOBODY|"},
    "funds": {"qty": "1000000", "price": "90000", "symbol": "BTC-USD", "side": 1},
}
"""What is wrong with an order, as arguments of Member.order."""

ORD_REJ_REASONS = frozenset({"1", "3", "5", "6", "11", "13", "15", "99"})
CXL_REJ_REASONS = frozenset({"0", "1", "6"})
"""OrdRejReason(103) and CxlRejReason(102) that a thorough trader provokes."""

WEIGHTS = {
    "limit": 40,
    "market": 4,
    "refused": 4,
    "reused": 1,
    "possible resend": 2,
    "good till date": 1,
    "cancel": 20,
    "late cancel": 2,
    "unknown cancel": 1,
    "reused cancel": 1,
    "replace": 15,
    "status": 5,
    "unknown status": 1,
    "mass cancel": 0.2,
    "refused mass cancel": 0.5,
}
"""How often it does what."""


class ThoroughTrader(Trader):
    """A Trader that sends `orders` NewOrderSingles, and more than half as many other requests."""

    def __init__(self, client, rng, *, window, orders):
        super().__init__(client, rng, window=window)
        self.left = orders
        self._acts = {kind: getattr(self, "_" + kind.replace(" ", "_")) for kind in WEIGHTS}
        self._wrong = count()

    @property
    def done(self):
        """Everything is sent and answered."""
        return not self.left and not self._pending

    def trade(self, turns=10):
        """As a Trader does, while there are orders left to send."""
        if self.left:
            super().trade(turns)
        else:
            self.read(0.001)

    def _act(self):
        self.requests += 1
        name = f"{self.client.comp_id}.{self.requests}"
        (kind,) = self.rng.choices([*WEIGHTS], [*WEIGHTS.values()])
        self._pending.add(name)
        self._acts[kind](name)

    # --- NewOrderSingle -------------------------------------------------------------------

    def _order(self, name, **how):
        symbol = self.rng.choice([*MARKETS])
        numbers = {"symbol": symbol, "qty": self._size(symbol), "price": self._at(symbol)}
        how = {"side": self.rng.choice(SIDES), **numbers} | how
        self.left = max(0, self.left - 1)
        self.sent[name] = how["side"]
        self.client.order(name, **how)

    def _size(self, symbol):
        return f"{MARKETS[symbol][0]}{self.rng.randint(1, 9)}"

    def _at(self, symbol):
        return f"{MARKETS[symbol][1]}{self.rng.randint(0, 9)}"

    def _limit(self, name):
        tif = self.rng.choice((DAY, DAY, DAY, GTC, IOC, FOK))
        self._order(name, tif=tif, extra=self.rng.choice(("", "", PARTIES)))

    def _market(self, name):
        self._order(name, price=None, kind="1", tif=self.rng.choice((DAY, IOC)))

    def _refused(self, name):
        kinds = [*REFUSED_ORDERS.values()]
        self._order(name, **kinds[next(self._wrong) % len(kinds)])

    def _good_till_date(self, name):
        self._order(name, tif=GTD, extra=f"126={utc_now()}|")

    def _reused(self, name):
        self._order(self._instead_of(name))

    def _possible_resend(self, name):
        """PossResend(97): one that the venue knows is answered with its state, as it is."""
        self._order(self._instead_of(name), header="97=Y|")

    def _instead_of(self, name):
        """A ClOrdID that was used before."""
        used = self.rng.choice([*self.sent]) if self.sent else name
        self._pending.remove(name)
        self._pending.add(used)
        return used

    # --- requests about orders ------------------------------------------------------------

    def _working(self):
        """An order that is open, as far as this side knows: (ClOrdID, its report)."""
        return self.rng.choice([*self._open.items()]) if self._open else ("none", None)

    def _ask_about(self, what, name, original, report, **more):
        """F, G or H of an order; of one that nobody knows where there is no report."""
        symbol, side = ("BTC-USD", 1) if report is None else (report[55], report[54])
        getattr(self.client, what)(name, original, side, *more.values(), symbol=symbol)

    def _cancel(self, name):
        self._ask_about("cancel", name, *self._working())

    def _late_cancel(self, name):
        finished = [m for m in self.client.delivered[-200:] if m[35] == "8" and m[39] in "24"]
        report = self.rng.choice(finished) if finished else None
        self._ask_about("cancel", name, report[11] if report else "none", report)

    def _unknown_cancel(self, name):
        self._ask_about("cancel", name, "none", None)

    def _reused_cancel(self, name):
        self._ask_about("cancel", self._instead_of(name), *self._working())

    def _replace(self, name):
        original, report = self._working()
        symbol = "BTC-USD" if report is None else report[55]
        qty, price = self._size(symbol), self._at(symbol)
        self._ask_about("replace", name, original, report, qty=qty, price=price)

    def _status(self, name):
        original, report = self._working()
        symbol, side = ("BTC-USD", 1) if report is None else (report[55], report[54])
        self.client.send("H", f"790={name}|11={original}|55={symbol}|54={side}|")

    def _unknown_status(self, name):
        self.client.send("H", f"790={name}|11=none|55=BTC-USD|54=1|")

    def _mass_cancel(self, name):
        scope = self.rng.choice(("530=7|", "530=1|55=ETH-USD|"))
        self.client.send("q", f"11={name}|{scope}60={utc_now()}|")

    def _refused_mass_cancel(self, name):
        scope = self.rng.choice(("530=1|55=DOGE-USD|", "530=3|"))
        self.client.send("q", f"11={name}|{scope}60={utc_now()}|")
