"""Traders that send orders, cancel and replace at random, and do not wait to be answered."""

from tests.support.member import ConnectionEnded

BUY, SELL = 1, 2
SIDES = (BUY, SELL)

OPEN = frozenset("01")


class Trader:
    """A member with a random mind of its own. window: requests that may be unanswered."""

    def __init__(self, client, rng, *, window):
        self.client = client
        self.rng = rng
        self.window = window
        self.requests = 0
        self.sent = {}  # every ClOrdID of a new order ever sent: its side
        self._open = {}
        self._pending = set()
        self._read = 0

    def __repr__(self):
        return f"Trader({self.client!r}, {self.requests} requests)"

    def trade(self, turns=10):
        """Send a few requests, as far as the window lets us, and read what there is."""
        for _ in range(turns):
            if len(self._pending) >= self.window:
                break
            self._act()
        self.read(0.05 if len(self._pending) >= self.window else 0.0)

    def read(self, timeout=0.0):
        """Read what there is. Raises ConnectionEnded."""
        try:
            while self.client.receive(timeout) is not None:
                timeout = 0.0
        finally:
            self._digest()

    def reconnect(self, *, reset=False):
        """Log on again and catch up. What was not answered by then never will be, or was."""
        self.client.reconnect(reset=reset)
        self._digest()
        self._pending.clear()

    def read_to_the_end(self):
        """Read what a dead venue has left in the socket."""
        try:
            while self.client.connected:
                self.read(0.5)
        except ConnectionEnded:
            pass

    # --- what it does ---------------------------------------------------------------------

    def _act(self):
        rng, client = self.rng, self.client
        self.requests += 1
        name = f"{client.comp_id}.{self.requests}"
        choice = rng.random()
        working = rng.choice([*self._open]) if self._open and choice < 0.4 else None
        self._pending.add(name)
        if working is None:
            side = rng.choice(SIDES)
            self.sent[name] = side
            tif = rng.choice(("0", "0", "0", "1", "3"))
            client.order(name, side, self._qty(), self._price(), tif=tif)
        elif choice < 0.2:
            client.cancel(name, working, self._open[working][54])
        else:
            side = self._open[working][54]
            client.replace(name, working, side, self._qty(), self._price())

    def _qty(self):
        return f"0.{self.rng.randint(1, 50):02d}"

    def _price(self):
        return f"100.{self.rng.randint(0, 9):02d}"

    # --- what it knows --------------------------------------------------------------------

    def _digest(self):
        delivered = self.client.delivered
        for message in delivered[self._read :]:
            self._pending -= {message.get(11), message.get(790)}
            if message[35] != "8" or message.get(150) == "I":
                continue
            self._open.pop(message.get(41), None)
            if message[39] in OPEN:
                self._open[message[11]] = message
            else:
                self._open.pop(message[11], None)
        self._read = len(delivered)
