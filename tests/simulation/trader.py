"""What a member sends: orders that trade, cancels, replaces, questions, and honest mistakes."""

from random import Random

from gateway.fix.timestamps import format_utc
from tests.simulation.member import Member

MARKETS = {
    b"BTC-USD": (60_000_00, 2, 6, (10_000, 50_000, 250_000)),
    b"ETH-BTC": (5_000, 5, 3, (1_000, 3_000, 7_001)),
}
"""Symbol to (middle in ticks, decimals of a price, decimals of a quantity, usual lots)."""


def decimal(units: int, places: int) -> bytes:
    whole, part = divmod(units, 10**places)
    return b"%d.%0*d" % (whole, places, part)


class Trader:
    """Chooses a member's next message. It knows what it sent, not what became of it."""

    def __init__(self, member: Member, random: Random) -> None:
        self.member = member
        self.random = random
        self.count = 0
        self.orders: list[tuple[bytes, bytes, bytes]] = []  # ClOrdID, Symbol, Side
        self.sends: dict[bytes, int] = {}  # ClOrdID of each D to how often it was meant as new

    def _name(self) -> bytes:
        self.count += 1
        return b"%b%d" % (self.member.comp_id[:1] + self.member.comp_id[-1:], self.count)

    def act(self) -> None:
        """One message, by chance."""
        pick = self.random.random()
        for weight, choice in self.CHOICES:
            pick -= weight
            if pick < 0:
                choice(self)
                return
        self.new_order()

    def burst(self) -> None:
        """Orders, one after the other, in the same read of the venue. Some meet all that rests, so
        also what has expired and is still there."""
        for _ in range(self.random.randrange(2, 8)):
            self.random.choice((self.new_order, self.sweep))()

    def evening(self) -> None:
        """Day orders that rest, too far from the others to trade, until midnight."""
        random = self.random
        for _ in range(random.randrange(2, 6)):
            symbol = random.choice((b"BTC-USD", b"ETH-BTC"))
            middle, price_places, qty_places, lots = MARKETS[symbol]
            side, sign = random.choice(((b"1", -1), (b"2", 1)))
            price = decimal(middle + sign * random.randint(6, 15), price_places)
            name = self._name()
            body = b"11=%b\x0155=%b\x0154=%b\x0160=%b\x0138=%b\x0140=2\x0144=%b\x0159=0\x01" % (
                name,
                symbol,
                side,
                self._time(),
                decimal(random.choice(lots), qty_places),
                price,
            )
            self.orders.append((name, symbol, side))
            self._send_new(body, name)

    def _terms(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Symbol, Side, OrderQty, Price."""
        random = self.random
        symbol = random.choice((b"BTC-USD", b"BTC-USD", b"ETH-BTC"))
        middle, price_places, qty_places, lots = MARKETS[symbol]
        side = random.choice((b"1", b"2"))
        ticks = middle + random.randint(-4, 4)
        qty = random.choice(lots) * (random.choice((1, 1, 2, 40)) if random.random() < 0.2 else 1)
        return symbol, side, decimal(qty, qty_places), decimal(ticks, price_places)

    def _time(self) -> bytes:
        return format_utc(self.member.now(), 3)

    def new_order(self) -> None:
        random = self.random
        symbol, side, qty, price = self._terms()
        name = self._name()
        pick = random.random()
        body = b"11=%b\x0155=%b\x0154=%b\x0160=%b\x0138=%b\x01" % (
            name,
            symbol,
            side,
            self._time(),
            qty,
        )
        if pick < 0.08:
            body += b"40=1\x01"
        else:
            tif = random.choice((b"0", b"0", b"0", b"1", b"1", b"1", b"3", b"4"))
            body += b"40=2\x0144=%b\x0159=%b\x01" % (price, tif)
            if tif in (b"0", b"1"):
                self.orders.append((name, symbol, side))
        self._send_new(body, name)

    def _send_new(self, body: bytes, name: bytes, header: bytes = b"") -> None:
        if not header:
            self.sends[name] = self.sends.get(name, 0) + 1
        self.member.send_application(b"D", body, name, header)

    def sweep(self) -> None:
        """A large order that meets many: its reports fill several records."""
        symbol = self.random.choice((b"BTC-USD", b"ETH-BTC"))
        middle, price_places, qty_places, lots = MARKETS[symbol]
        side = self.random.choice((b"1", b"2"))
        ticks = middle + (20 if side == b"1" else -20)
        name = self._name()
        body = b"11=%b\x0155=%b\x0154=%b\x0160=%b\x0138=%b\x0140=2\x0144=%b\x0159=3\x01" % (
            name,
            symbol,
            side,
            self._time(),
            decimal(lots[1] * 20, qty_places),
            decimal(ticks, price_places),
        )
        self._send_new(body, name)

    def _known(self) -> tuple[bytes, bytes, bytes]:
        if not self.orders or self.random.random() < 0.05:
            return b"unknown", b"BTC-USD", b"1"
        return self.random.choice(self.orders[-10:])

    def cancel(self) -> None:
        orig, symbol, side = self._known()
        name = self._name()
        body = b"11=%b\x0141=%b\x0155=%b\x0154=%b\x0160=%b\x0138=1\x01" % (
            name,
            orig,
            symbol,
            side,
            self._time(),
        )
        self.member.send_application(b"F", body, name)

    def replace(self) -> None:
        orig, symbol, side = self._known()
        _, _, qty, price = self._terms()
        _, price_places, qty_places, lots = MARKETS[symbol]
        if symbol != b"BTC-USD":
            qty, price = decimal(lots[0] * 2, qty_places), decimal(4_998, price_places)
        name = self._name()
        body = b"11=%b\x0141=%b\x0155=%b\x0154=%b\x0160=%b\x0138=%b\x0140=2\x0144=%b\x01" % (
            name,
            orig,
            symbol,
            side,
            self._time(),
            qty,
            price,
        )
        self.orders.append((name, symbol, side))
        self.member.send_application(b"G", body, name)

    def mass_cancel(self) -> None:
        name = self._name()
        scope = self.random.choice((b"7\x01", b"1\x0155=BTC-USD\x01", b"1\x0155=X-Y\x01"))
        body = b"11=%b\x01530=%b60=%b\x01" % (name, scope, self._time())
        self.member.send_application(b"q", body, name)

    def status(self) -> None:
        orig, symbol, side = self._known()
        name = self._name()
        body = b"11=%b\x0155=%b\x0154=%b\x01790=%b\x01" % (orig, symbol, side, name)
        self.member.send_application(b"H", body, name, journalled=False)

    def test(self) -> None:
        self.member.test()

    def mistake(self) -> None:
        """Refused in the order's own words, by BusinessMessageReject, or by Reject."""
        name = self._name()
        head = b"11=%b\x0155=BTC-USD\x0154=1\x0160=%b\x01" % (name, self._time())
        kind, body, journalled = self.random.choice(
            (
                (b"D", head + b"38=0.0000001\x0140=2\x0144=60000.00\x01", True),
                (b"D", head + b"38=1e5\x0140=2\x0144=60000.00\x01", False),
                (b"D", head + b"38=1\x0140=2\x01", False),
                (b"D", head + b"38=1\x0140=2\x0144=60000.00\x01432=20260101\x01", True),
                (b"D", head + b"38=1\x0140=2\x0144=90000.00\x01", True),
                (b"D", head + b"38=1\x0140=7\x0144=60000.00\x01", True),
                (b"R", b"131=%b\x01146=1\x0155=BTC-USD\x01" % name, False),
            )
        )
        if journalled:
            self._send_new(body, name)
        else:
            self.member.send_application(kind, body, name, journalled=False)

    def duplicate(self) -> None:
        """A ClOrdID that was used before, as if it were new."""
        orig, symbol, side = self._known()
        body = b"11=%b\x0155=%b\x0154=%b\x0160=%b\x0138=0.05\x0140=2\x0144=0.05\x0159=1\x01" % (
            orig,
            symbol,
            side,
            self._time(),
        )
        self._send_new(body, orig)

    def possibly_again(self) -> None:
        """PossResend: an order that may or may not have come before."""
        if self.member.orphans:
            name, kind, body = self.random.choice(self.member.orphans)
            if kind in (b"D", b"F", b"G"):
                self.member.send_application(kind, body, name, b"97=Y\x01")
                return
        known = [
            found
            for number, found in self.member.sent.items()
            if found[0] == b"D" and number not in self.member.unjournalled
        ]
        if known:
            _, _, body, _ = self.random.choice(known[-5:])
            name = body.partition(b"\x01")[0][3:]
            self.member.send_application(b"D", body, name, b"97=Y\x01")

    def ask_again(self) -> None:
        """A ResendRequest without need: everything, a range, or what is not there yet."""
        member = self.member
        last = member.next_in
        begin = self.random.randrange(max(1, last - 60), last + 1)
        member.ask(
            *self.random.choice(((begin, 0), (begin, begin), (begin, last + 5), (last + 9, 0)))
        )

    def leave(self) -> None:
        self.member.leaving = True
        self.member.send(b"5", b"", number=self.member.take())

    CHOICES = (
        (0.13, cancel),
        (0.09, replace),
        (0.02, mass_cancel),
        (0.04, status),
        (0.04, test),
        (0.03, mistake),
        (0.015, duplicate),
        (0.02, possibly_again),
        (0.02, ask_again),
        (0.06, sweep),
        (0.008, leave),
    )


def listen(member: Member, random: Random) -> None:
    """What a drop copy session sends besides heartbeats."""
    pick = random.random()
    if pick < 0.3:
        member.test()
    elif pick < 0.4:
        last = member.next_in
        member.ask(random.randrange(max(1, last - 60), last + 1), 0)
    elif pick < 0.45:
        body = b"11=x\x0155=BTC-USD\x0154=1\x0160=20260101-00:00:00\x0138=1\x0140=1\x01"
        member.send_application(b"D", body, b"x", journalled=False)
    elif pick < 0.5:
        member.leaving = True
        member.send(b"5", b"", number=member.take())
