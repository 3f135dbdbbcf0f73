"""The sanctions lists of a configuration, as onboarding asks them."""

from pathlib import Path

from compliance.kyc.events import Basis, Hit
from compliance.screening.listed import ListMalformed, SanctionsList
from compliance.screening.matcher import Matcher
from compliance.screening.names import ALGORITHM
from compliance.screening.verdict import EQUAL, Verdict
from engine.model.errors import OperatorError
from gateway.config import load_config
from gateway.screening.lists import Lists


class ListsInForce:
    """Read once. Raises OperatorError."""

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

    def screen(self, name: str) -> Verdict:
        """What they say of a name. Raises NothingToCompare."""
        if self._matcher is None:
            self._matcher = Matcher(self._lists, self.basis.cut_off)
        return self._matcher.name(name)


def hits_of(verdict: Verdict) -> tuple[Hit, ...]:
    """What of a verdict onboarding decides on: which entries, by what score."""
    return tuple(Hit(match.source, match.number, match.score) for match in verdict.matches)
