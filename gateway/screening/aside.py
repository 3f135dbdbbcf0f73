"""Questions whose answers take a disk, asked beside a loop that must not wait."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from compliance.event_file import EventsBusy
from compliance.screening.listed import ListMalformed
from custody.screening import ScreeningFailed
from engine.model.errors import OperatorError

Answer = TypeVar("Answer")


class Aside:
    """Asks one question at a time, in a thread. What keeps it from an answer is logged once."""

    def __init__(self, log: Callable[[str], None], stands: str, goes_on: str) -> None:
        """stands, goes_on: what the log says, the reason behind the first."""
        self._log = log
        self._stands = stands
        self._goes_on = goes_on
        self._trouble = ""
        self._one = threading.Lock()
        """Whoever asked may have given up before there was an answer."""

    async def ask(self, question: Callable[[], Answer]) -> Answer:
        """Its answer. Raises ScreeningFailed where files cannot be read or written."""
        try:
            answer = await asyncio.to_thread(self._alone, question)
        except (ListMalformed, OperatorError, OSError, EventsBusy) as error:
            if str(error) != self._trouble:
                self._log(f"{self._stands}: {error}")
            self._trouble = str(error)
            raise ScreeningFailed(str(error)) from None
        if self._trouble:
            self._log(self._goes_on)
            self._trouble = ""
        return answer

    def _alone(self, question: Callable[[], Answer]) -> Answer:
        with self._one:
            return question()
