"""The watch over what is traded: reading and detectors of market surveillance together."""

from compliance.surveillance.alerts import Detector
from compliance.surveillance.fleeting import FleetingDetector
from compliance.surveillance.floor_ceiling import FloorCeilingDetector
from compliance.surveillance.front_running import FrontRunningDetector
from compliance.surveillance.layering import LayeringDetector
from compliance.surveillance.links import Links, links_digest
from compliance.surveillance.marking_close import MarkingCloseDetector
from compliance.surveillance.momentum_ignition import MomentumIgnitionDetector
from compliance.surveillance.order_to_trade import OrderToTradeDetector
from compliance.surveillance.pinging import PingingDetector
from compliance.surveillance.price_fade import PriceFadeDetector
from compliance.surveillance.pump_and_dump import PumpAndDumpDetector
from compliance.surveillance.quote_stuffing import QuoteStuffingDetector
from compliance.surveillance.ramping import RampingDetector
from compliance.surveillance.reading import Reading
from compliance.surveillance.rules import Rules, rules_digest
from compliance.surveillance.spoofing import SpoofingDetector
from compliance.surveillance.wash_own import WashOwnDetector
from compliance.surveillance.wash_pair import WashPairDetector
from compliance.surveillance.watching import Watching


def detectors(rules: Rules, links: Links) -> list[Detector]:
    """One of each, in the order in which their alerts of one fact are listed."""
    return [
        WashOwnDetector(rules.wash_own),
        WashPairDetector(rules.wash_pair),
        SpoofingDetector(rules.spoofing),
        LayeringDetector(rules.layering),
        QuoteStuffingDetector(rules.quote_stuffing),
        OrderToTradeDetector(rules.order_to_trade, links),
        FleetingDetector(rules.fleeting),
        PriceFadeDetector(rules.price_fade),
        MomentumIgnitionDetector(rules.momentum_ignition),
        RampingDetector(rules.ramping),
        MarkingCloseDetector(rules.marking_close),
        PumpAndDumpDetector(rules.pump_and_dump),
        FrontRunningDetector(rules.front_running, links),
        PingingDetector(rules.pinging),
        FloorCeilingDetector(rules.floor_ceiling),
    ]


class Watch(Watching):
    """All alerts of a venue's market, from its journal."""

    def __init__(self, rules: Rules, links: Links) -> None:
        super().__init__(
            Reading(links),
            detectors(rules, links),
            rules.quiet_s,
            rules_digest(rules),
            links_digest(links),
        )
