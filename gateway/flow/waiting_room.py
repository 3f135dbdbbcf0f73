"""Connections that are not logged on yet: few places, and the silent ones give way first.

A flood of connections that say nothing must not keep members out. So a newcomer always gets a
place; when all are taken, the oldest that has sent nothing loses its own. Those that have sent a
byte or two keep at most half of the places: else they would leave the silent ones, of which every
member is one until his Logon arrives, a single place to push each other out of. A member's Logon
follows his connection at once, so he is hardly ever the oldest.
"""

from typing import Protocol

from gateway.fix.disconnect import DisconnectReason


class Visitor(Protocol):
    """A connection that nobody has a name for."""

    reason: DisconnectReason | None
    """Why it had to leave, if it had to."""

    def end(self) -> None:
        """Be told to leave: the place is gone already."""
        ...


class WaitingRoom:
    """Visitors in the order in which they came, the silent ones apart."""

    __slots__ = ("_silent", "_speaking", "places")

    def __init__(self, places: int) -> None:
        self.places = places
        self._silent: dict[Visitor, None] = {}
        self._speaking: dict[Visitor, None] = {}

    def __len__(self) -> int:
        return len(self._silent) + len(self._speaking)

    def enter(self, visitor: Visitor) -> None:
        """Take a place; who has to give way for it is told to end."""
        while len(self) >= self.places:
            self.make_room()
        self._silent[visitor] = None

    def make_room(self) -> bool:
        """The next in line gives way; False if nobody waits."""
        groups = [self._silent, self._speaking]
        if len(self._speaking) > self.places // 2:
            groups.reverse()
        for group in groups:
            if group:
                self._dismiss(next(iter(group)), DisconnectReason.GAVE_WAY)
                return True
        return False

    def spoke(self, visitor: Visitor) -> None:
        """Its first bytes came."""
        if visitor in self._silent:
            del self._silent[visitor]
            self._speaking[visitor] = None

    def leave(self, visitor: Visitor) -> None:
        """It is known now, or gone."""
        self._silent.pop(visitor, None)
        self._speaking.pop(visitor, None)

    def clear(self) -> None:
        """The venue closes."""
        for visitor in [*self._silent, *self._speaking]:
            self._dismiss(visitor, DisconnectReason.SHUTDOWN)

    def _dismiss(self, visitor: Visitor, reason: DisconnectReason) -> None:
        self.leave(visitor)
        visitor.reason = reason
        visitor.end()
