"""From raw bytes to a checked Message, at the price of one regular expression.

Whether the tags of a message are known, required, repeated, in order and rightly grouped depends
on nothing but their sequence, its *shape*. A member's engine writes a few shapes, over and over. So
a shape that passed the full check twice is compiled into one pattern whose literals are the tags
and whose groups are the values, each checked in place by its type and its closed set of values. A
message that matches is right; one that does not takes the full check, which says what is wrong.
The two cannot differ in what they accept: both take every value's pattern from the same table.

Shapes with data fields are not compiled, because data may hold SOH. Of a peer that sends ever new
shapes, some are compiled, the rest are checked in full, and nothing grows.
"""

import re
from typing import Final

from gateway.fix.codec import SOH
from gateway.fix.dictionary import Dictionary, MessageSpec, Section
from gateway.fix.errors import PeerError
from gateway.fix.message import Layout, Message
from gateway.fix.validate import Fields, Rules, Walk, split

MAX_SHAPES: Final = 16
"""Shapes compiled per message type and decoder: engines in the field show two to five."""

MAX_SHAPE_FIELDS: Final = 80
"""Longest shape that is compiled, in fields: four times a usual order; bounds compile time."""

MAX_CANDIDATES: Final = 64
"""Shapes seen once that are remembered until they are seen again; then all are forgotten."""

_MSG_TYPE_TAG: Final = b"\x0135="
_MSG_TYPE: Final = 35
_BEGIN_STRING: Final = 8
_ABSENT: Final = rb"((?!))?"
"""A group that matches nothing: it adds the None that an absent tag picks."""


class Shape(Layout):
    """A layout whose messages were found right, with the pattern that recognizes them."""

    __slots__ = ("match",)

    def __init__(self, layout: Layout, pattern: re.Pattern[bytes]) -> None:
        super().__init__(layout.begin_string, layout.msg_type, layout.tags, layout.sections)
        self.match = pattern.fullmatch


class Decoder:
    """Decodes and validates the messages of one session; keeps its shapes.

    compile_shapes=False takes the full check always: the oracle for tests. What a peer did wrong
    is Message.error; decode() itself raises nothing for any bytes.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        *,
        validate_fields_out_of_order: bool = True,
        validate_fields_have_values: bool = True,
        validate_user_defined_fields: bool = True,
        allow_unknown_msg_fields: bool = False,
        compile_shapes: bool = True,
    ) -> None:
        self.dictionary = dictionary
        self.rules = Rules(
            validate_fields_out_of_order=validate_fields_out_of_order,
            validate_fields_have_values=validate_fields_have_values,
            validate_user_defined_fields=validate_user_defined_fields,
            allow_unknown_msg_fields=allow_unknown_msg_fields,
        )
        self._learns = compile_shapes
        self._shapes: dict[bytes, list[Shape]] = {}
        self._candidates: set[tuple[int, ...]] = set()
        self._last = Shape(Layout(b"", b"", (), ()), re.compile(rb"(?!)"))

    @property
    def shapes(self) -> int:
        """How many shapes are compiled; at most MAX_SHAPES per message type."""
        return sum(len(shapes) for shapes in self._shapes.values())

    def decode(self, raw: bytes) -> Message:
        """The message in `raw`, one whole message as a Framer gives it, checked."""
        shape = self._last
        found = shape.match(raw)
        if found is not None:
            return Message(shape, found.groups(), raw)
        return self._decode_other(raw)

    def _decode_other(self, raw: bytes) -> Message:
        """Any message that is not of the shape seen last."""
        start = raw.find(_MSG_TYPE_TAG) + len(_MSG_TYPE_TAG)
        shapes = self._shapes.get(raw[start : raw.find(SOH, start)])
        if shapes is not None:
            for place, shape in enumerate(shapes):
                found = shape.match(raw)
                if found is not None:
                    if place:
                        shapes.insert(0, shapes.pop(place))
                    self._last = shape
                    return Message(shape, found.groups(), raw)
        return self._decode_in_full(raw)

    def _decode_in_full(self, raw: bytes) -> Message:
        fields = split(raw, self.dictionary.data_lengths)
        spec: MessageSpec | None = None
        error = fields.error
        if error is None:
            try:
                spec = Walk(self.dictionary, self.rules, fields).check()
            except PeerError as found:
                error = found.with_traceback(None)  # it would keep this frame alive
        layout = self._layout(fields)
        if spec is not None and self._learns:
            self._learn(spec, layout, fields)
        return Message(layout, (*fields.values, None), raw, error)

    def _layout(self, fields: Fields) -> Layout:
        """Where the fields are, also of a message that is wrong."""
        values = dict(zip(reversed(fields.tags), reversed(fields.values), strict=True))
        msg_type = values.get(_MSG_TYPE, b"")
        sections: tuple[Section, ...] = (self.dictionary.header,)
        spec = self.dictionary.messages.get(msg_type)
        if spec is not None:
            sections = (spec, self.dictionary.header)
        return Layout(values.get(_BEGIN_STRING, b""), msg_type, tuple(fields.tags), sections)

    def _learn(self, spec: MessageSpec, layout: Layout, fields: Fields) -> None:
        """Compile the shape of a message that passed, if it was seen before and there is room."""
        tags = layout.tags
        if len(tags) > MAX_SHAPE_FIELDS or not self.dictionary.data_lengths.keys().isdisjoint(tags):
            return
        shapes = self._shapes.setdefault(spec.msg_type, [])
        if len(shapes) >= MAX_SHAPES:
            return
        if tags not in self._candidates:
            if len(self._candidates) >= MAX_CANDIDATES:
                self._candidates.clear()
            self._candidates.add(tags)
            return
        self._candidates.discard(tags)
        shape = Shape(layout, re.compile(self._pattern(layout, fields), re.DOTALL))
        shapes.insert(0, shape)
        self._last = shape

    def _pattern(self, layout: Layout, fields: Fields) -> bytes:
        """The pattern of all messages with this sequence of tags."""
        counts = _count_tags(layout.sections)
        parts: list[bytes] = []
        for tag, value in zip(fields.tags, fields.values, strict=True):
            spec = self.dictionary.fields.get(tag)
            if tag in (_BEGIN_STRING, _MSG_TYPE):
                inline = re.escape(value)
            elif tag in counts:
                # The sequence of tags fixes the count: its text may only differ in zeros before.
                count = b"%d" % int(value or b"0")
                inline = b"0{0,%d}%b" % (9 - len(count), count) if value else b""
            else:
                inline = rb"[^\x01]++" if spec is None else spec.inline
                if not self.rules.validate_fields_have_values:
                    inline = b"(?:" + inline + b")?"
            parts.append(b"%d=(%b)\x01" % (tag, inline))
        return b"".join(parts) + _ABSENT


def _count_tags(sections: tuple[Section, ...]) -> frozenset[int]:
    """The count tags of all groups of a message, inner ones too."""
    found: set[int] = set()
    for section in sections:
        found.update(section.groups)
        found.update(_count_tags(tuple(section.groups.values())))
    return frozenset(found)
