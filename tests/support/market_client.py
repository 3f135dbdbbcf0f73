"""Members of a market data session: they subscribe, and keep what they are told in pictures.

A resend fills market data, so a member whose connection ended subscribes anew; `reconnect` does.
"""

from tests.support.fix_books import BID, OFFER, Views
from tests.support.fix_client import SESSION_TYPES, FixClient
from tests.support.simplefix_client import SimplefixClient


class MarketMember:
    """What a FixClient becomes by this: views, by (MDReqID, Symbol), and the pictures of before.

    wanted: MDReqID to the body of the request behind it. on_update(req_id, view): called before a
    message is taken in.
    """

    filled = SESSION_TYPES | frozenset("WXYydfh")

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.views = Views()
        self.past = []
        self.wanted = {}
        self.refused = []

    def want(self, req_id, body):
        """Subscribe now and after every Logon."""
        self.wanted[req_id] = body
        self._subscribe(req_id)

    def _subscribe(self, req_id):
        self.send("V", f"262={req_id}|263=1|{self.wanted[req_id]}")

    def reconnect(self, **how):
        """As a FixClient; then subscribe to all that is wanted."""
        self.past += self.views.views.values()
        self.views = Views()
        super().reconnect(**how)
        for req_id in self.wanted:
            self._subscribe(req_id)
        return self

    def read(self, timeout=0.0):
        """Whatever there is. Raises ConnectionEnded."""
        while self.receive(timeout) is not None:
            timeout = 0.0

    def _react(self, message):
        due = self.next_in
        super()._react(message)
        if message.seq == due and message.get(43) != "Y":
            self._hear(message)

    def _hear(self, message):
        if message[35] in "Y3j":
            self.refused.append(str(message))
        self.views.hear(message.raw)

    def levels(self, req_id, symbol="BTC-USD"):
        """A picture's levels as a reader of the journal says them."""
        view = self.views.views[req_id, symbol]
        return {"bids": view.side(BID), "asks": view.side(OFFER)}


class MarketClient(MarketMember, FixClient):
    """On sockets and bytes."""


class SimplefixMarketClient(MarketMember, SimplefixClient):
    """On simplefix."""
