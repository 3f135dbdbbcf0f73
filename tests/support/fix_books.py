"""What a client of market data over FIX keeps: books, trades and figures, from W and X alone."""

from decimal import Decimal
from zlib import crc32

CHECKED_LEVELS = 10
BID, OFFER, TRADE = "0", "1", "2"
NEW, CHANGE, DELETE = "0", "1", "2"
ENTRIES = 268
FIRST = {"W": 269, "X": 279}
"""The tag that begins an entry."""


def fields_of(raw):
    """(tag, value) of a whole message."""
    found = (field.partition(b"=") for field in raw.split(b"\x01")[:-1])
    return [(int(tag), value.decode("latin-1")) for tag, _, value in found]


def parts_of(raw):
    """The fields outside the entries, and the entries, each as {tag: value}."""
    head, entries = {}, []
    for tag, value in fields_of(raw):
        if tag == FIRST.get(head.get(35)):
            assert ENTRIES in head
            entries.append({})
        if tag == 10:
            head[tag] = value
        elif entries:
            assert tag not in entries[-1], f"{tag} twice in an entry of {raw!r}"
            entries[-1][tag] = value
        else:
            assert tag not in head, f"{tag} twice in {raw!r}"
            head[tag] = value
    assert int(head.get(ENTRIES, "0")) == len(entries), raw
    return head, entries


class View:
    """One request's picture of one instrument.

    levels: of each side {price: (quantity, orders)}; orders: {id: (side, price, quantity)};
    trades: [(id, price, quantity, side)]; figures: {type: value}. snapshots, updates: how many.
    """

    def __init__(self):
        self.seq = None
        self.record = None
        self.snapshots = self.updates = 0
        self.trades = []
        self._empty()

    def _empty(self):
        self.levels = {BID: {}, OFFER: {}}
        self.orders = {}
        self.figures = {}

    def hear(self, head, entries):
        """A W or X."""
        if head[35] == "W":
            self.snapshots += 1
            self._empty()
            seq = int(head[83])
            assert self.seq is None or seq >= self.seq
            self._in_order(entries)
            last = self.trades[-1][0] if self.trades else 0  # a picture may show them again
            for entry in entries:
                if entry[269] != TRADE or int(entry[278]) > last:
                    self._enter(NEW, entry)
        else:
            self.updates += 1
            assert entries
            assert int(head[20002]) == self.seq, "a message is missing"
            [seq] = {int(entry[83]) for entry in entries}
            assert seq >= self.seq
            for entry in entries:
                self._enter(entry[279], entry)
        self.seq = seq
        self.record = int(head[20001]) if 20001 in head else None
        if 20003 in head:
            assert int(head[20003]) == self.checksum(), "the books differ"

    def _in_order(self, entries):
        """A snapshot begins with the best and says the position of each."""
        for side in (BID, OFFER):
            rows = [entry for entry in entries if entry[269] == side]
            assert [int(entry[290]) for entry in rows] == list(range(1, len(rows) + 1))
            prices = [Decimal(entry[270]) for entry in rows]
            assert prices == sorted(prices, reverse=side == BID)

    def _enter(self, action, entry):
        kind = entry[269]
        if kind == TRADE:
            self._trade(action, entry)
        elif kind not in (BID, OFFER):
            self._figure(action, kind, entry)
        elif 278 in entry:
            self._order(action, entry)
        else:
            levels, price = self.levels[kind], entry[270]
            assert (action == NEW) == (price not in levels), entry
            if action == DELETE:
                assert 271 not in entry
                del levels[price]
            else:
                levels[price] = (entry[271], int(entry[346]))

    def _order(self, action, entry):
        ident = entry[278]
        assert (action == NEW) == (ident not in self.orders), entry
        if action == DELETE:
            side, price, _ = self.orders.pop(ident)
            assert (side, price) == (entry[269], entry[270])
        elif action == CHANGE:
            assert self.orders[ident][:2] == (entry[269], entry[270])
            self.orders[ident] = (entry[269], entry[270], entry[271])
        else:
            self.orders[ident] = (entry[269], entry[270], entry[271])

    def _trade(self, action, entry):
        assert action == NEW
        found = (int(entry[278]), entry[270], entry[271], entry[2446])
        assert not self.trades or found[0] > self.trades[-1][0], "a trade comes twice"
        self.trades.append(found)

    def _figure(self, action, kind, entry):
        assert (action == NEW) == (kind not in self.figures), entry
        if action == DELETE:
            del self.figures[kind]
        else:
            self.figures[kind] = entry.get(270) or entry[271]

    def side(self, side):
        """[(price, quantity)] from the best on."""
        if self.orders:
            totals = {}
            for where, price, quantity in self.orders.values():
                if where == side:
                    totals[price] = totals.get(price, 0) + Decimal(quantity)
            texts = {price: f"{total.normalize():f}" for price, total in totals.items()}
        else:
            texts = {price: level[0] for price, level in self.levels[side].items()}
        best = sorted(texts, key=Decimal, reverse=side == BID)
        return [(price, texts[price]) for price in best]

    def checksum(self):
        """As docs/market_data.md says."""
        texts = [
            ",".join(f"{price}:{quantity}" for price, quantity in self.side(side)[:CHECKED_LEVELS])
            for side in (BID, OFFER)
        ]
        return crc32("|".join(texts).encode())


class Views:
    """All views of one session, by (MDReqID, Symbol)."""

    def __init__(self):
        self.views = {}

    def hear(self, raw):
        """Any message; the view that it is about, if it is about one."""
        if dict(fields_of(raw[:64]))[35] not in FIRST:
            return None
        head, entries = parts_of(raw)
        symbol = head[55] if head[35] == "W" else entries[0][55]
        assert head[35] == "W" or {entry[55] for entry in entries} == {symbol}
        key = (head[262], symbol)
        if head[35] == "W":
            self.views.setdefault(key, View())
        view = self.views[key]
        view.hear(head, entries)
        return view
