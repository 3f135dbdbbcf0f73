"""The full check of one message, field by field: exact about what is wrong, and not hurried.

Every message takes this way the first times its shape is seen; the decoder learns from it which
shapes are right. It stops at the first mistake in wire order; required tags that are missing come
last, because nobody can say where they should have stood.
"""

import re
from dataclasses import dataclass
from typing import Final

from gateway.fix.codec import SOH, TRAILER_BYTES
from gateway.fix.dictionary import Dictionary, FieldSpec, GroupSpec, MessageSpec, Section
from gateway.fix.errors import (
    DECRYPTION_PROBLEM,
    GROUP_COUNT_WRONG,
    GROUP_OUT_OF_ORDER,
    INCORRECT_DATA_FORMAT,
    INVALID_MSG_TYPE,
    INVALID_TAG_NUMBER,
    REASON_OTHER,
    REQUIRED_TAG_MISSING,
    SIGNATURE_PROBLEM,
    SOH_IN_VALUE,
    TAG_NOT_DEFINED_FOR_TYPE,
    TAG_OUT_OF_ORDER,
    TAG_REPEATED,
    TAG_WITHOUT_VALUE,
    VALUE_INCORRECT,
    PeerError,
)
from gateway.fix.lexical import DESCRIPTIONS

MAX_FIELDS: Final = 1_000
"""Most fields of a message: a hundred party groups fit, and a walk stays below a millisecond."""

MAX_GROUP_ENTRIES: Final = 100
"""Most entries of a repeating group, inner ones counted one by one."""

MAX_SHOWN: Final = 40
"""Most characters of a peer's value that a Text(58) quotes back."""

MIN_USER_TAG: Final = 5000
"""User-defined tags start here (QuickFIX: every tag from 5000 on)."""

_FIRST_TAGS: Final = (8, 9, 35)
_CHECK_SUM: Final = 10
_MSG_TYPE: Final = 35
_HEADER, _BODY, _TRAILER = range(3)
_TAG = re.compile(rb"[1-9][0-9]{0,8}")
_INTEGER = re.compile(rb"-?[0-9]{1,9}")
_LENGTH = re.compile(rb"[0-9]{1,9}")
_SIGNATURE_LENGTH: Final = 93
_SECURE_DATA: Final = 91


@dataclass(frozen=True, slots=True)
class Rules:
    """Which checks are made, named as QuickFIX's users know them; the defaults are QuickFIX's.

    validate_fields_out_of_order: header, body and trailer fields each in their own part.
    validate_fields_have_values: `58=|` is an error.
    validate_user_defined_fields: tags from 5000 on must be in the dictionary.
    allow_unknown_msg_fields: tags below 5000 need not belong to the message type.
    """

    validate_fields_out_of_order: bool = True
    validate_fields_have_values: bool = True
    validate_user_defined_fields: bool = True
    allow_unknown_msg_fields: bool = False


@dataclass(slots=True)
class Fields:
    """A raw message taken apart. error: what kept it from being taken apart as it stands."""

    tags: list[int]
    values: list[bytes]
    error: PeerError | None = None


def split(raw: bytes, data_lengths: dict[int, int]) -> Fields:
    """Take a raw message apart in one pass, data fields by their length.

    What cannot be a field is left out and noted; the rest is still read, so that the header is
    there for whoever answers.
    """
    fields = Fields([], [])
    tags, values = fields.tags, fields.values
    at, size = 0, len(raw)
    for _ in range(MAX_FIELDS):
        end = raw.find(SOH, at)
        if end < 0:
            end = size
        equals = raw.find(b"=", at, end)
        name = raw[at : equals if equals >= 0 else end]
        if _TAG.fullmatch(name) is None:
            _note(fields, _no_field(tags, name, equals < 0))
        elif equals < 0:
            _note(fields, PeerError(TAG_WITHOUT_VALUE, int(name), f"Tag {int(name)} without '='"))
        else:
            tag = int(name)
            if tag in data_lengths:
                end = _data_end(fields, raw, equals + 1, end, data_lengths[tag])
            tags.append(tag)
            values.append(raw[equals + 1 : end])
        at = end + 1
        if at >= size:
            return fields
    _note(fields, PeerError(REASON_OTHER, None, f"More than {MAX_FIELDS} fields"))
    return fields


def _no_field(tags: list[int], name: bytes, no_equals: bool) -> PeerError:
    """Why `name` is not the tag of a field. Without `=` it is the rest of the value before it."""
    if no_equals and tags:
        text = f"The value of tag {tags[-1]} has a field delimiter (SOH) in it"
        return PeerError(SOH_IN_VALUE, tags[-1], text)
    tag = int(name) if _INTEGER.fullmatch(name) else None
    return PeerError(INVALID_TAG_NUMBER, tag, f"Invalid tag number: {shown(name)}")


def _note(fields: Fields, error: PeerError) -> None:
    if fields.error is None:
        fields.error = error


def _data_end(fields: Fields, raw: bytes, start: int, end: int, length_tag: int) -> int:
    """Where the data that begins at `start` ends; `end`, the next SOH, if its length is no use."""
    if not fields.tags or fields.tags[-1] != length_tag:
        text = f"Data without its length: tag {length_tag} must stand right before it"
        _note(fields, PeerError(REQUIRED_TAG_MISSING, length_tag, text))
        return end
    length = fields.values[-1]
    if _LENGTH.fullmatch(length) is None:
        text = f"Tag {length_tag} is not a length: {shown(length)}"
        reason = SIGNATURE_PROBLEM if length_tag == _SIGNATURE_LENGTH else INCORRECT_DATA_FORMAT
        _note(fields, PeerError(reason, length_tag, text))
        return end
    stop = start + int(length)
    if raw[stop : stop + 1] != SOH or stop + TRAILER_BYTES >= len(raw):  # CheckSum is no data
        text = f"Tag {length_tag} is not the length of the data that follows: {shown(length)}"
        reason = SIGNATURE_PROBLEM if length_tag == _SIGNATURE_LENGTH else VALUE_INCORRECT
        _note(fields, PeerError(reason, length_tag, text))
        return end
    return stop


def shown(value: bytes) -> str:
    """A peer's value as it may be quoted in a Text(58): printable ASCII, and not long."""
    text = "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in value[:MAX_SHOWN])
    return text + "..." if len(value) > MAX_SHOWN else text


class Walk:
    """One pass over the fields of one message. check() raises the PeerError it finds first."""

    def __init__(self, dictionary: Dictionary, rules: Rules, fields: Fields) -> None:
        self.dictionary = dictionary
        self.rules = rules
        self.tags = fields.tags
        self.values = fields.values
        self.at = 0

    def check(self) -> MessageSpec:
        """The message type's specification, if all is well. Raises PeerError."""
        for place, tag in enumerate(_FIRST_TAGS):
            if len(self.tags) <= place or self.tags[place] != tag:
                text = "The first three fields must be 8, 9 and 35, in this order"
                raise PeerError(TAG_OUT_OF_ORDER, tag, text)
        spec = self._message_spec(self.values[2])
        seen: set[int] = set()
        part = _HEADER
        while self.at < len(self.tags):
            tag = self.tags[self.at]
            section, now = self._part_of(tag, spec)
            if now < part and self.rules.validate_fields_out_of_order:
                raise PeerError(TAG_OUT_OF_ORDER, tag, f"{self._name(tag)} is out of order")
            part = max(part, now)
            if tag in seen:
                raise PeerError(TAG_REPEATED, tag, f"{self._name(tag)} appears more than once")
            seen.add(tag)
            self._field(tag, section)
            group = section.groups.get(tag)
            if group is not None:
                self._group(group)
        for section in (self.dictionary.header, spec, self.dictionary.trailer):
            self._required(section, seen)
        if self.tags[-1] != _CHECK_SUM:
            raise PeerError(TAG_OUT_OF_ORDER, _CHECK_SUM, "CheckSum(10) must be the last field")
        return spec

    def _message_spec(self, msg_type: bytes) -> MessageSpec:
        if not msg_type:
            raise PeerError(TAG_WITHOUT_VALUE, _MSG_TYPE, "MsgType(35) has no value")
        spec = self.dictionary.messages.get(msg_type)
        if spec is None:
            known = self.dictionary.is_fix_msg_type(msg_type)
            what = "is not supported here" if known else "is not a FIX message type"
            text = f"MsgType(35)={shown(msg_type)} {what}"
            raise PeerError(INVALID_MSG_TYPE, _MSG_TYPE, text, unsupported=known)
        return spec

    def _part_of(self, tag: int, spec: MessageSpec) -> tuple[Section, int]:
        """The part of the message that a tag belongs to; the body also for what it must refuse."""
        if tag in self.dictionary.header.members:
            return self.dictionary.header, _HEADER
        if tag in self.dictionary.trailer.members:
            return self.dictionary.trailer, _TRAILER
        return spec, _BODY

    def _name(self, tag: int) -> str:
        spec = self.dictionary.fields.get(tag)
        return f"Tag {tag}" if spec is None else f"{spec.name}({tag})"

    def _field(self, tag: int, section: Section) -> None:
        """Check one field on its own, and step over it."""
        value = self.values[self.at]
        self.at += 1
        if not value and self.rules.validate_fields_have_values:
            raise PeerError(TAG_WITHOUT_VALUE, tag, f"{self._name(tag)} has no value")
        if tag == _SECURE_DATA:  # an instruction that nobody reads must not seem to be taken
            raise PeerError(DECRYPTION_PROBLEM, tag, "SecureData(91): nothing is encrypted here")
        spec = self.dictionary.fields.get(tag)
        if tag not in section.members and not self._is_let_pass(tag):
            if spec is None and not self.dictionary.is_fix_tag(tag):
                raise PeerError(INVALID_TAG_NUMBER, tag, f"Tag {tag} is not defined here")
            text = f"{self._name(tag)} is not part of {section.name}"
            raise PeerError(TAG_NOT_DEFINED_FOR_TYPE, tag, text)
        if spec is not None and value:
            _check_value(spec, value)

    def _is_let_pass(self, tag: int) -> bool:
        if tag >= MIN_USER_TAG:
            return not self.rules.validate_user_defined_fields
        return self.rules.allow_unknown_msg_fields

    def _group(self, group: GroupSpec) -> None:
        """Check the entries behind a count field, inner groups included, and step over them."""
        count = int(self.values[self.at - 1] or b"0")
        if count > MAX_GROUP_ENTRIES:
            text = f"{self._name(group.count_tag)}={count}: at most {MAX_GROUP_ENTRIES} entries"
            raise PeerError(GROUP_COUNT_WRONG, group.count_tag, text)
        entries = 0
        while self.at < len(self.tags) and self.tags[self.at] in group.members:
            entries += 1
            self._entry(group)
        if entries != count:
            text = f"{self._name(group.count_tag)}={count}, but there are {entries} entries"
            raise PeerError(GROUP_COUNT_WRONG, group.count_tag, text)

    def _entry(self, group: GroupSpec) -> None:
        tag = self.tags[self.at]
        if tag != group.delimiter:
            first = self._name(group.delimiter)
            text = f"{self._name(tag)}: an entry of the group must start with {first}"
            raise PeerError(GROUP_OUT_OF_ORDER, tag, text)
        seen: set[int] = set()
        last = -1
        while self.at < len(self.tags):
            tag = self.tags[self.at]
            place = group.members.get(tag)
            if place is None or (tag == group.delimiter and seen):
                break
            if place < last:
                text = f"{self._name(tag)} is out of order in its group"
                raise PeerError(GROUP_OUT_OF_ORDER, tag, text)
            if tag in seen:
                text = f"{self._name(tag)} appears more than once in an entry of its group"
                raise PeerError(TAG_REPEATED, tag, text)
            last = place
            seen.add(tag)
            self._field(tag, group)
            inner = group.groups.get(tag)
            if inner is not None:
                self._group(inner)
        self._required(group, seen)

    def _required(self, section: Section, seen: set[int]) -> None:
        for tag in section.required:
            if tag not in seen:
                text = f"Required tag missing: {self._name(tag)}"
                raise PeerError(REQUIRED_TAG_MISSING, tag, text)


def _check_value(spec: FieldSpec, value: bytes) -> None:
    if not spec.well_written(value):
        must = DESCRIPTIONS.get(spec.type, f"a {spec.type}")
        text = f"{spec.name}({spec.number})={shown(value)} is not {must}"
        raise PeerError(INCORRECT_DATA_FORMAT, spec.number, text)
    if not spec.in_range(value):
        text = f"{spec.name}({spec.number})={shown(value)} is not one of its values"
        raise PeerError(VALUE_INCORRECT, spec.number, text)
