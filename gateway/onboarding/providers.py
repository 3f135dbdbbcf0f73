"""Whom onboarding asks about names, by the configuration: lists, a firm, or both."""

from pathlib import Path

from compliance.kyc.events import Basis
from compliance.kyc.provider import Both, Provider, both, firm_basis
from compliance.settings import ComplianceSettings, ProviderSettings
from gateway.config import load_config
from gateway.flow.system_clock import SystemClock, silent
from gateway.onboarding.firm import Firm
from gateway.onboarding.lists_in_force import ListsInForce
from gateway.onboarding.question_book import questions_at, read_secrets


def basis_in_force(config: Path) -> Basis:
    """What a decision names. Raises OperatorError."""
    firm, lists = _configured(config)
    if firm is None:
        return ListsInForce(config).basis
    own = firm_basis(firm.name, firm.lists)
    return both(ListsInForce(config).basis, own) if lists else own


def provider_in_force(config: Path, data: Path, who: str) -> Provider:
    """Who is asked, by a person. Raises OperatorError."""
    firm, lists = _configured(config)
    if firm is None:
        return ListsInForce(config)
    keys = read_secrets(config.absolute().parent, firm)
    asked = Firm(firm, keys, questions_at(data), who, SystemClock(silent))
    return Both(ListsInForce(config), asked) if lists else asked


def _configured(config: Path) -> tuple[ProviderSettings | None, bool]:
    """The firm, and whether there are lists. ListsInForce says it where there is neither."""
    settings: ComplianceSettings | None = load_config(config).compliance
    if settings is None:
        return None, False
    return settings.provider, settings.screening is not None
