"""Mass operations under way: of a mass cancel, a kill switch, an end of day or a hold."""

from typing import Final

from msgspec import Struct

MASS_CANCEL: Final = 1
BLOCK_CANCEL: Final = 2
END_OF_DAY: Final = 3
HOLD_CANCEL: Final = 4


class MassOperation(Struct, array_like=True, eq=False):
    """One operation over the orders that were open when it came.

    number is its record; kind one of the above. ids are the candidates in order of age, position
    the first not yet looked at. Of these, those match whose field equals each id below that is
    not 0, and which expire by expire_by (ns UTC). session, cl_ord_id, scope, symbol, affected
    and trader are for the report at the end of a mass cancel; day for that of an end of day.
    """

    number: int
    kind: int
    ids: list[int]
    expire_by: int
    text: str
    position: int = 0
    affected: int = 0
    account: int = 0
    member: int = 0
    instrument: int = 0
    session: int = 0
    cl_ord_id: bytes = b""
    scope: int = 0
    symbol: bytes = b""
    day: int = 0
    trader: bytes = b""
