"""One type for money in every table."""

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Dialect, Numeric, String, TypeDecorator
from sqlalchemy.types import TypeEngine

DIGITS: Final = 78
"""Decimal digits of the largest amount: more than a uint256 has."""


# mypy: disable-error-code="explicit-override, mutable-override"
# typing has @override from 3.12; the class attributes are how SQLAlchemy has it.


class Amount(TypeDecorator[int]):
    """Atomic units: `numeric(78,0)` on PostgreSQL; exact text on SQLite, whose integers end at
    9.22 ETH in wei."""

    impl = String(DIGITS + 1)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """See TypeDecorator."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(DIGITS, 0))
        return dialect.type_descriptor(String(DIGITS + 1))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Decimal | str | None:
        """See TypeDecorator."""
        if value is None:
            return None
        return Decimal(value) if dialect.name == "postgresql" else str(value)

    def process_result_value(self, value: Decimal | str | None, dialect: Dialect) -> int | None:
        """See TypeDecorator."""
        return None if value is None else int(value)
