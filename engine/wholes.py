"""A journal's commands, whole, as they come: parts wait until the last one of their command is on
disk."""

from engine.journal.follow import Follower
from engine.model.record import Record
from engine.replay import Whole, join_parts


class WholeFollower:
    """Follows a journal by commands. done: the last record of the last command that was given out,
    -1 for none."""

    def __init__(self, follower: Follower, after: int) -> None:
        """follower: behind record `after`, with which a command ends; -1: from the first one."""
        self.done = after
        self._follower = follower
        self._rest: list[Record] = []

    def step(self, limit: int) -> list[Whole]:
        """The commands that the next records complete, at most `limit` records; [] if there are
        no more of these yet. Raises JournalDamaged."""
        while records := self._follower.poll(limit):
            batch = [*self._rest, *records]
            wholes = list(join_parts(batch))
            if wholes:
                self.done = wholes[-1].last
            self._rest = [record for record in batch if record.number > self.done]
            if wholes:
                return wholes
        return []
