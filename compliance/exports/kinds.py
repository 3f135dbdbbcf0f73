"""All exports that there are, by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from compliance.exports.clock import CLOCK
from compliance.exports.controls import CONTROLS
from compliance.exports.kind import Kind
from compliance.exports.orders import ORDERS
from compliance.exports.statement import STATEMENT
from compliance.exports.trades import TRADES
from compliance.exports.transactions import TRANSACTIONS

_ALL: Final = (CLOCK, CONTROLS, ORDERS, STATEMENT, TRADES, TRANSACTIONS)

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind.name: kind for kind in _ALL})
