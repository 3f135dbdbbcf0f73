"""The watch over money that moves: reading and detectors of monitoring together."""

from compliance.monitoring.dormant import DormantDetector
from compliance.monitoring.first_deposit_out import FirstDepositOutDetector
from compliance.monitoring.pass_through import PassThroughDetector
from compliance.monitoring.profile_mismatch import ProfileMismatchDetector
from compliance.monitoring.profiles import Profiles, inputs_digest
from compliance.monitoring.reading import Reading
from compliance.monitoring.repeated_refusals import RepeatedRefusalsDetector
from compliance.monitoring.rules import MoneyRules
from compliance.monitoring.structuring import StructuringDetector
from compliance.monitoring.velocity import VelocityDetector
from compliance.surveillance.alerts import Detector
from compliance.surveillance.links import Links
from compliance.surveillance.rules import rules_digest
from compliance.surveillance.watching import Watching


def detectors(rules: MoneyRules, links: Links, profiles: Profiles) -> list[Detector]:
    """One of each, in the order in which their alerts of one fact are listed."""
    return [
        StructuringDetector(rules.structuring),
        VelocityDetector(rules.velocity),
        PassThroughDetector(rules.pass_through),
        FirstDepositOutDetector(rules.first_deposit_out),
        DormantDetector(rules.dormant),
        ProfileMismatchDetector(rules.profile_mismatch, profiles.of_owners(links)),
        RepeatedRefusalsDetector(rules.repeated_refusals),
    ]


class MoneyWatch(Watching):
    """All alerts of a venue's money, from its journal."""

    def __init__(self, rules: MoneyRules, links: Links, profiles: Profiles) -> None:
        super().__init__(
            Reading(links, rules.reporting_asset),
            detectors(rules, links, profiles),
            rules.quiet_s,
            rules_digest(rules),
            inputs_digest(links, profiles),
        )
