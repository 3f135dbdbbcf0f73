"""Closed sets of the model, as plain integers with the code points of FIX where FIX has one.

Plain integers and not enum classes: they are compared several times per order, and an attribute
look-up on an enum class costs more than the comparison itself.
"""

from typing import Final

# FIX Side, tag 54
BUY: Final = 1
SELL: Final = 2

# FIX OrdType, tag 40
MARKET: Final = 1
LIMIT: Final = 2

# FIX TimeInForce, tag 59
DAY: Final = 0
GTC: Final = 1
IOC: Final = 3
FOK: Final = 4

# FIX OrdStatus, tag 39. EXPIRED is FIX's "C".
NEW: Final = 0
PARTIALLY_FILLED: Final = 1
FILLED: Final = 2
CANCELED: Final = 4
REJECTED: Final = 8
EXPIRED: Final = 12

# FIX LastLiquidityInd, tag 851
MAKER: Final = 1
TAKER: Final = 2

# FIX OrdRejReason, tag 103
ORD_REJ_BROKER_OPTION: Final = 0
ORD_REJ_UNKNOWN_SYMBOL: Final = 1
ORD_REJ_EXCHANGE_CLOSED: Final = 2
ORD_REJ_EXCEEDS_LIMIT: Final = 3
ORD_REJ_TOO_LATE: Final = 4
ORD_REJ_UNKNOWN_ORDER: Final = 5
ORD_REJ_DUPLICATE: Final = 6
ORD_REJ_UNSUPPORTED: Final = 11
ORD_REJ_QUANTITY: Final = 13
ORD_REJ_UNKNOWN_ACCOUNT: Final = 15
ORD_REJ_OTHER: Final = 99

# FIX CxlRejReason, tag 102
CXL_REJ_TOO_LATE: Final = 0
CXL_REJ_UNKNOWN_ORDER: Final = 1
CXL_REJ_BROKER_OPTION: Final = 2
CXL_REJ_DUPLICATE: Final = 6
CXL_REJ_OTHER: Final = 99

# FIX CxlRejResponseTo, tag 434
RESPONSE_TO_CANCEL: Final = 1
RESPONSE_TO_REPLACE: Final = 2

# FIX MassCancelRequestType, tag 530
MASS_CANCEL_INSTRUMENT: Final = 1
MASS_CANCEL_ALL: Final = 7

# FIX MassCancelRejectReason, tag 532
MASS_REJ_NOT_SUPPORTED: Final = 0
MASS_REJ_UNKNOWN_SYMBOL: Final = 1
MASS_REJ_OTHER: Final = 99

# FIX BusinessRejectReason, tag 380. FIX 4.4 as published ends at 7; 8 came with an extension pack.
BUSINESS_OTHER: Final = 0
BUSINESS_THROTTLED: Final = 8

# FIX ExecRestatementReason, tag 378: why a report came unasked.
RESTATEMENT_NONE: Final = -1
RESTATEMENT_MARKET_OPTION: Final = 8
RESTATEMENT_OTHER: Final = 99

# Where a command came from.
SOURCE_SYSTEM: Final = 0
SOURCE_FIX: Final = 1
SOURCE_REST: Final = 2

# What a session is for.
ORDER_ENTRY: Final = 1
DROP_COPY: Final = 2
MARKET_DATA: Final = 3

# What a block holds back.
BLOCK_SESSION: Final = 1
BLOCK_ACCOUNT: Final = 2
BLOCK_MEMBER: Final = 3
BLOCK_INSTRUMENT: Final = 4
BLOCK_ALL: Final = 5

# What compliance holds an account to: each level lets it do less than the one before.
HOLD_NONE: Final = 0
HOLD_RESTRICTED: Final = 1
HOLD_FROZEN: Final = 2
