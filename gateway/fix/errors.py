"""What a peer did wrong, in the words of FIX's session Reject (35=3)."""

from typing import Final

from engine.model.errors import FixgateError

# SessionRejectReason(373), FIX 4.4.
INVALID_TAG_NUMBER: Final = 0
REQUIRED_TAG_MISSING: Final = 1
TAG_NOT_DEFINED_FOR_TYPE: Final = 2
UNDEFINED_TAG: Final = 3
TAG_WITHOUT_VALUE: Final = 4
VALUE_INCORRECT: Final = 5
INCORRECT_DATA_FORMAT: Final = 6
DECRYPTION_PROBLEM: Final = 7
SIGNATURE_PROBLEM: Final = 8
COMP_ID_PROBLEM: Final = 9
SENDING_TIME_PROBLEM: Final = 10
INVALID_MSG_TYPE: Final = 11
TAG_REPEATED: Final = 13
TAG_OUT_OF_ORDER: Final = 14
GROUP_OUT_OF_ORDER: Final = 15
GROUP_COUNT_WRONG: Final = 16
SOH_IN_VALUE: Final = 17
REASON_OTHER: Final = 99


class PeerError(FixgateError):
    """The peer broke a rule of FIX; carries the reject that answers it.

    reason: SessionRejectReason(373), one of the constants above.
    ref_tag: RefTagID(371), as the peer wrote it; None where no tag can be named.
    text: Text(58), a whole sentence for the person at the other end.
    unsupported: with INVALID_MSG_TYPE, that FIX 4.4 knows the type and only this venue does not
    take it, so that a BusinessMessageReject (35=j, 380=3) is the better answer.
    """

    def __init__(
        self, reason: int, ref_tag: int | None, text: str, *, unsupported: bool = False
    ) -> None:
        super().__init__(text)
        self.reason = reason
        self.ref_tag = ref_tag
        self.text = text
        self.unsupported = unsupported
