"""A script's line to the sans-IO session: the desk, a clock by hand, an application that answers.

The application is the shortest that a script can see: an order is accepted once, an order that may
have been sent before is answered with its state.
"""

from gateway.fix.disconnect import DisconnectReason
from gateway.fix.steps import Application
from tests.fix_session.desk import Desk, Slicer, whole

VENUE_CLOSES = "the venue is closing; all orders are kept"


class AnsweringDesk(Desk):
    """A desk whose application reports on orders."""

    def __init__(self, **how: object) -> None:
        super().__init__(**how)
        self.reports_for_orders = True

    def report_on(self, order: Application) -> None:
        cl_ord_id = order.message.get(11) or b""
        seen = cl_ord_id in self.journal.cl_ord_ids
        if seen and order.poss_resend:
            body = b"37=1\x0111=%b\x0117=0\x01150=I\x0139=0\x01" % cl_ord_id
            self.leave(
                self.session.transmit(self.session.answer(b"8", body, stored=True), self.now)
            )
            return
        kind = b"8" if seen else b"0"
        self.journal.cl_ord_ids.add(cl_ord_id)
        record = len(self.journal.reports)
        body = b"37=%d\x0111=%b\x0117=%d-0\x01150=%b\x0139=%b\x01" % (
            (record, cl_ord_id, record, kind, kind)
        )
        self.journal.reports.append((record, 0, b"8", body))
        self.leave(self.session.transmit_reports([self.journal.reports[-1]], self.now))


class DeskLine:
    """One session without a socket, and one connection: a second is the acceptor's to refuse."""

    def __init__(self, settings: dict[str, object], slicer: Slicer = whole) -> None:
        self.comp_id = b"ACME"
        self._settings = settings
        self.desk = AnsweringDesk(slicer=slicer, **settings)

    def connect(self, connection: int) -> None:
        assert connection == 1, "the desk has one connection"
        self.desk.connect()

    def hang_up(self, connection: int) -> None:
        assert connection == 1
        self.desk.lost(DisconnectReason.PEER_CLOSED)

    def send(self, connection: int, data: bytes) -> None:
        assert self.desk.session.connected, "the venue has closed the connection"
        self.desk.receive_bytes(data)

    def hear(self, connection: int) -> bytes | None:
        return self.desk.said.pop(0) if self.desk.said else None

    def is_silent(self, connection: int) -> bool:
        return not self.desk.said

    def is_closed(self, connection: int) -> bool:
        return not self.desk.said and not self.desk.session.connected

    def wait(self, seconds: float) -> None:
        self.desk.wait(seconds)

    def restart(self) -> None:
        """The process dies: what was written stays."""
        self.desk = self.desk.restarted(**self._settings)

    def close_venue(self) -> None:
        desk = self.desk
        desk.perform(desk.session.logout(VENUE_CLOSES, desk.mono))

    def report(self) -> None:
        """A report that no order of this session asked for."""
        self.desk.report()

    def now(self) -> int:
        return self.desk.now
