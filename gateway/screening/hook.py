"""What custody asks before money moves: is this address on a sanctions list?

Every answer is written down with the lists' versions before it counts. Without lists that can be
read, or where it cannot be written down, there is none, and what was asked about waits.
"""

from collections.abc import Callable
from typing import Final

from compliance.screening.verdict import Verdict as Found
from compliance.screening.wallets import Wallets
from compliance.screenings import Screened, ScreeningFile
from custody.policy.intents import Withdrawal
from custody.screening import Screening, Verdict
from engine.model.clock import Clock
from gateway.screening.aside import Aside
from gateway.screening.lists import Lists

CUSTODY: Final = "custody"
"""Who asks."""

MAX_TOLD: Final = 10_000
"""Answers that are remembered so as not to be written down twice: more than ever wait at once."""


class SanctionsScreening:
    """Screening by sanctions lists; what they clear is for `then` to say."""

    def __init__(
        self,
        lists: Lists[Wallets],
        file: Callable[[], ScreeningFile],
        clock: Clock,
        log: Callable[[str], None],
        then: Screening,
    ) -> None:
        """file: opens what answers are written to, once there is a journal."""
        self._lists = lists
        self._open = file
        self._file: ScreeningFile | None = None
        self._count = 0
        self._clock = clock
        self._log = log
        self._then = then
        self._aside = Aside(
            log, "nothing is screened, and what asks for it waits", "screening goes on"
        )
        self._told: dict[str, tuple[str, Found]] = {}
        """What was asked and written down last about something: custody asks again and again about
        what waits."""

    async def deposit(self, account: int, asset: str, source: str, amount: int) -> Verdict:
        """See Screening. Raises ScreeningFailed."""
        if await self._is_listed(source, f"deposit of {amount} {asset} to account {account}"):
            return Verdict.HIT
        return await self._then.deposit(account, asset, source, amount)

    async def withdrawal(self, account: int, intent: Withdrawal) -> Verdict:
        """See Screening. Raises ScreeningFailed."""
        about = f"withdrawal of {intent.amount} {intent.asset} from account {account}"
        if await self._is_listed(intent.destination, about):
            return Verdict.HIT
        return await self._then.withdrawal(account, intent)

    async def _is_listed(self, address: str, about: str) -> bool:
        """Off the loop: lists take a second to read, and a disk its time."""
        found = await self._aside.ask(lambda: self._screen(address, about))
        if found.is_hit:
            first = found.matches[0]
            self._log(
                f"{about}: {address} is {first.name!r}, entry {first.number} of {first.source}"
            )
        return found.is_hit

    def _screen(self, address: str, about: str) -> Found:
        found = self._lists.get().screen(address)
        if self._file is None:
            self._file = self._open()
        if self._told.pop(about, None) != (address, found):
            self._count += len(self._file.read(self._count))
            now = self._clock.now()
            self._file.append(self._count, Screened(now, CUSTODY, about, found, address))
            self._count += 1
        self._told[about] = address, found
        if len(self._told) > MAX_TOLD:
            del self._told[next(iter(self._told))]
        return found
