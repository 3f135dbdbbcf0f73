"""A report in JSON: the fields of its FIX body under their names in the dictionary. Pure.

Both transports carry what one renderer wrote, so the same event has the same fields, with the same
texts, on each. A repeating group is an array of objects under the name of its count field.
"""

from typing import Final

from msgspec import Struct

from gateway.fix.dictionary import Dictionary, Section

Fields = dict[str, "str | list[dict[str, str]]"]


class ReportMessage(Struct, frozen=True, tag_field="type", tag="report"):
    """seq: ApplSeqNum(1181), from where a client resumes. record: RecordNumber(20001)."""

    seq: int
    record: int
    message: Fields


class _Names:
    """What the tags of a section are called; texts as they stand in a message."""

    def __init__(self, section: Section, dictionary: Dictionary) -> None:
        self.fields = {str(tag): dictionary.fields[tag].name for tag in section.members}
        self.groups = {
            str(tag): (str(group.delimiter), _Names(group, dictionary).fields)
            for tag, group in section.groups.items()
        }


class ReportWording:
    """Words reports by `dictionary`, the one that their FIX bodies go by."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self._sections: dict[bytes, _Names] = {}

    def message(self, seq: int, record: int, msg_type: bytes, body: bytes) -> ReportMessage:
        """A report as it is sent. KeyError for a field that the message has not by dictionary."""
        return ReportMessage(seq, record, self.fields(msg_type, body))

    def fields(self, msg_type: bytes, body: bytes) -> Fields:
        """The fields of a body, MsgType(35) first; groups within groups are not written here."""
        names = self._sections.get(msg_type)
        if names is None:
            section = self._dictionary.messages[msg_type]
            names = self._sections[msg_type] = _Names(section, self._dictionary)
        message: Fields = {"MsgType": msg_type.decode()}
        delimiter, members = "", _NO_MEMBERS
        entries: list[dict[str, str]] = []
        for field in _text(body).split("\x01")[:-1]:
            tag, _, value = field.partition("=")
            if tag in members:
                if tag == delimiter:
                    entries.append({})
                entries[-1][members[tag]] = value
            elif tag in names.groups:
                delimiter, members = names.groups[tag]
                message[names.fields[tag]] = entries = []
            else:
                members = _NO_MEMBERS
                message[names.fields[tag]] = value
        return message


_NO_MEMBERS: Final[dict[str, str]] = {}


def _text(body: bytes) -> str:
    """A body as text. What a member wrote is repeated to it byte by byte: where that is no UTF-8,
    each byte becomes the character of its number (ISO 8859-1)."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")
