"""The sanctions lists of a configuration, as onboarding asks them."""

from pathlib import Path

from compliance.kyc.events import Basis
from compliance.screening.listed import ListMalformed, SanctionsList
from compliance.screening.matcher import Matcher
from compliance.screening.names import ALGORITHM
from compliance.screening.verdict import EQUAL, Verdict
from engine.model.errors import OperatorError
from gateway.config import load_config
from gateway.screening.lists import Lists


class ListsInForce:
    """The operator's own files as a Provider: read once, and it answers at once. Raises
    OperatorError."""

    def __init__(self, config: Path) -> None:
        settings = load_config(config).compliance
        if settings is None or settings.screening is None:
            raise OperatorError(f"{config} names no sanctions lists: compliance.screening.lists")
        cut_off = settings.screening.cut_off * EQUAL // 100
        folder = config.absolute().parent
        made = Lists(folder, settings.screening, lambda read: read)
        try:
            self._lists: list[SanctionsList] = made.get()
        except ListMalformed as error:
            raise OperatorError(str(error)) from None
        except OSError as error:
            raise OperatorError(f"{error.filename}: {error.strerror}") from None
        versions = tuple((one.source, one.version) for one in self._lists)
        self.basis = Basis(versions, ALGORITHM, cut_off)
        self._matcher: Matcher | None = None
        self._answers: dict[str, Verdict] = {}

    def submit(self, about: str, name: str) -> str:
        """See Provider."""
        if self._matcher is None:
            self._matcher = Matcher(self._lists, self.basis.cut_off)
        self._answers[about] = self._matcher.name(name)
        return about

    def result(self, reference: str) -> Verdict | None:
        """See Provider."""
        return self._answers.get(reference)
