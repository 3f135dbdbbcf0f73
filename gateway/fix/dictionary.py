"""A QuickFIX data dictionary, read from its XML and checked as a whole.

The format is QuickFIX's own (`<fix>` with header, trailer, messages, components, fields), so the
file that the venue validates with is the file that a member's engine loads. Names become tags,
components are put in place where they are used, and whatever does not fit is refused by name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from engine.model.errors import ConfigError
from gateway.fix.lexical import DATA_TYPES, MULTIPLE, PATTERNS

MAX_XML: Final = 8 * 1024 * 1024
"""Largest dictionary, in bytes: five times FIX50SP2.xml, the largest that QuickFIX ships."""

MAX_NESTING: Final = 32
"""Deepest nesting of components and groups, FIX 5.0 SP2 needs 20; a component that holds itself
ends here."""

MAX_MEMBERS: Final = 4_000
"""Most fields of one message with its components in place: four times stock FIX 5.0 SP2's."""

MAX_PLACED: Final = 1_000_000
"""Most members put in place over all messages, so that components which multiply each other end:
three times what stock FIX 5.0 SP2 needs."""

_GROUP_COUNT_TYPES: Final = frozenset({"NUMINGROUP", "INT"})  # INT in dictionaries before 4.3

FIX44_MSG_TYPES: Final = frozenset(
    (
        b"0 1 2 3 4 5 6 7 8 9 A B C D E F G H J K L M N P Q R S T V W X Y Z a b c d e f g h i j k "
        b"l m n o p q r s t u v w x y z AA AB AC AD AE AF AG AH AI AJ AK AL AM AN AO AP AQ AR AS "
        b"AT AU AV AW AX AY AZ BA BB BC BD BE BF BG BH"
    ).split()
)
"""Every MsgType(35) of FIX 4.4, whether or not a venue takes it."""

FIX44_HIGHEST_TAG: Final = 956
"""FIX 4.4 defines no tag above this one, LegInterestAccrualDate."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldSpec:
    """A declared field: its values, and what one value must look like.

    values: the closed set of values with their descriptions; empty where any is good.
    inline: pattern of one right value, without groups, that never matches SOH; empty for data.
    """

    number: int
    name: str
    type: str
    values: dict[bytes, str]
    multiple: bool
    pattern: re.Pattern[bytes] | None
    inline: bytes

    def well_written(self, value: bytes) -> bool:
        """Whether a value is lexically one of the field's type."""
        return self.pattern is None or self.pattern.fullmatch(value) is not None

    def in_range(self, value: bytes) -> bool:
        """Whether a well written value is one of the declared ones."""
        if not self.values:
            return True
        if self.multiple:
            return all(part in self.values for part in value.split(b" "))
        return value in self.values


@dataclass(slots=True, eq=False)
class Section:
    """An ordered run of fields: header, trailer, the body of a message, an entry of a group.

    members: tag -> its place in the section. required: tags that must be there, in order.
    groups: count tag -> the group that it counts.
    """

    name: str
    members: dict[int, int] = field(default_factory=dict)
    required: tuple[int, ...] = ()
    groups: dict[int, "GroupSpec"] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class GroupSpec(Section):
    """One entry of a repeating group, which starts with its delimiter, the first member."""

    count_tag: int = 0
    delimiter: int = 0


@dataclass(slots=True, eq=False)
class MessageSpec(Section):
    """The body of a message type."""

    msg_type: bytes = b""
    admin: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """What may be said: fields, header, trailer and messages of one FIX version.

    data_lengths: tag of each data field -> tag of the field that holds its length.
    """

    begin_string: bytes
    fields: dict[int, FieldSpec]
    by_name: dict[str, FieldSpec]
    header: Section
    trailer: Section
    messages: dict[bytes, MessageSpec]
    data_lengths: dict[int, int]

    @classmethod
    def load(cls, source: Path | str | bytes, name: str = "dictionary") -> "Dictionary":
        """Read a file (a Path) or XML text. Raises ConfigError naming what is wrong with it."""
        if isinstance(source, Path):
            name = source.name
            try:
                with source.open("rb") as file:
                    source = file.read(MAX_XML + 1)
            except OSError as error:
                raise ConfigError(name, f"cannot be read: {error.strerror}") from error
        return _Loader(name).load(source)

    def field_named(self, name: str) -> FieldSpec:
        """The field of that name. Raises ConfigError if there is none."""
        found = self.by_name.get(name)
        if found is None:
            raise ConfigError(name, "no field of this name in the dictionary")
        return found

    def is_fix_msg_type(self, msg_type: bytes) -> bool:
        """Whether FIX itself has this MsgType, known to this dictionary or not.

        FIX leaves the types that start with U to its users: they are right, but not ours.
        """
        user_defined = msg_type[:1] == b"U" and len(msg_type) > 1
        return user_defined or msg_type in FIX44_MSG_TYPES or msg_type in self.messages

    def is_fix_tag(self, tag: int) -> bool:
        """Whether FIX itself has this tag, known to this dictionary or not."""
        return tag <= FIX44_HIGHEST_TAG or tag in self.fields


class _Loader:
    """Builds one Dictionary; where() of every complaint is a path of element names."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.by_name: dict[str, FieldSpec] = {}
        self.fields: dict[int, FieldSpec] = {}
        self.components: dict[str, ET.Element] = {}
        self.placed = 0

    def load(self, source: str | bytes) -> Dictionary:
        root = self._root(source)
        parts = self._parts(root)
        for element in parts["fields"]:
            self._declare(element)
        for element in parts["components"]:
            name = self._attribute(element, "name", "components")
            if name in self.components:
                raise self._wrong(f"components/{name}", "declared twice")
            self.components[name] = element
        header = Section("header")
        self._fill(header, parts["header"])
        trailer = Section("trailer")
        self._fill(trailer, parts["trailer"])
        messages = self._messages(parts["messages"])
        return Dictionary(
            self._begin_string(root),
            self.fields,
            self.by_name,
            header,
            trailer,
            messages,
            self._data_lengths(),
        )

    def _wrong(self, where: str, text: str) -> ConfigError:
        return ConfigError(f"{self.name}: {where}" if where else self.name, text)

    def _root(self, source: str | bytes) -> ET.Element:
        """Parse, with everything refused that can make a small file large: DTDs and entities."""
        if len(source) > MAX_XML:
            raise self._wrong("", f"larger than {MAX_XML} bytes")
        if isinstance(source, bytes):
            try:
                source = source.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise self._wrong("", f"not UTF-8 at byte {error.start}") from error
        if "<!DOCTYPE" in source or "<!ENTITY" in source:
            raise self._wrong("", "a document type declaration is not allowed")
        try:
            root = ET.fromstring(source)  # noqa: S314 - no declarations left that could expand
        except ET.ParseError as error:
            raise self._wrong("", f"not well-formed XML: {error}") from error
        if root.tag != "fix":
            raise self._wrong("", f"the root element is <{root.tag}>, not <fix>")
        return root

    def _parts(self, root: ET.Element) -> dict[str, ET.Element]:
        parts: dict[str, ET.Element] = {}
        for element in root:
            if element.tag not in {"header", "trailer", "messages", "components", "fields"}:
                raise self._wrong("", f"unknown element <{element.tag}>")
            if element.tag in parts:
                raise self._wrong(element.tag, "appears twice")
            parts[element.tag] = element
        parts.setdefault("components", ET.Element("components"))
        # FIX 5.0 dictionaries leave header and trailer to FIXT 1.1's.
        parts.setdefault("header", ET.Element("header"))
        parts.setdefault("trailer", ET.Element("trailer"))
        parts.setdefault("messages", ET.Element("messages"))
        if "fields" not in parts:
            raise self._wrong("", "there is no <fields> element")
        return parts

    def _begin_string(self, root: ET.Element) -> bytes:
        kind = self._attribute(root, "type", "fix")
        major = self._attribute(root, "major", "fix")
        minor = self._attribute(root, "minor", "fix")
        if kind not in {"FIX", "FIXT"} or not (major + minor).isdecimal():
            raise self._wrong("fix", f"{kind} {major}.{minor} is not a version of FIX")
        return f"{kind}.{major}.{minor}".encode("ascii")

    def _attribute(self, element: ET.Element, key: str, where: str) -> str:
        value = element.get(key)
        if not value:
            raise self._wrong(where, f"<{element.tag}> without {key}")
        return value

    def _declare(self, element: ET.Element) -> None:
        """One <field number name type> with its <value enum description>s."""
        name = self._attribute(element, "name", "fields")
        where = f"fields/{name}"
        number = self._attribute(element, "number", where)
        kind = self._attribute(element, "type", where)
        if element.tag != "field" or re.fullmatch(r"[1-9][0-9]{0,8}", number) is None:
            raise self._wrong(where, f"{number!r} is not a tag number")
        if kind not in PATTERNS and kind not in DATA_TYPES:
            raise self._wrong(where, f"unknown type {kind}")
        tag = int(number)
        if name in self.by_name:
            raise self._wrong(where, "declared twice")
        if tag in self.fields:
            raise self._wrong(where, f"has the number {tag} of {self.fields[tag].name}")
        spec = _field_spec(tag, name, kind, self._values(element, where))
        self.fields[tag] = self.by_name[name] = spec

    def _values(self, element: ET.Element, where: str) -> dict[bytes, str]:
        values: dict[bytes, str] = {}
        for child in element:
            value = self._attribute(child, "enum", where).encode("utf-8")
            if child.tag != "value" or b"\x01" in value:
                raise self._wrong(where, f"<{child.tag}> is not a value")
            if value in values:
                raise self._wrong(where, f"value {value.decode()} declared twice")
            values[value] = child.get("description", "")
        return values

    def _messages(self, parent: ET.Element) -> dict[bytes, MessageSpec]:
        messages: dict[bytes, MessageSpec] = {}
        names: set[str] = set()
        for element in parent:
            name = self._attribute(element, "name", "messages")
            where = f"messages/{name}"
            msg_type = self._attribute(element, "msgtype", where).encode("utf-8")
            category = self._attribute(element, "msgcat", where)
            if category not in {"admin", "app"}:
                raise self._wrong(where, f"msgcat is {category!r}, not admin or app")
            if name in names or msg_type in messages:
                raise self._wrong(where, f"name or msgtype {msg_type.decode()} declared twice")
            names.add(name)
            spec = MessageSpec(name, msg_type=msg_type, admin=category == "admin")
            self._fill(spec, element)
            messages[msg_type] = spec
        return messages

    def _fill(self, section: Section, parent: ET.Element) -> None:
        """Put the members of `parent` into `section`, components in place, groups as specs."""
        required: list[int] = []
        for element, spec, needed, where in self._members(parent, section.name, 0, needed=True):
            if spec.number in section.members:
                if element.tag == "group":
                    raise self._wrong(where, "is in this place twice")
                continue  # stock dictionaries name a field again that a component brought
            if len(section.members) == MAX_MEMBERS:
                raise self._wrong(where, f"more than {MAX_MEMBERS} fields")
            section.members[spec.number] = len(section.members)
            if needed:
                required.append(spec.number)
            if element.tag == "group":
                section.groups[spec.number] = self._group(element, spec, where)
        section.required = tuple(required)

    def _members(
        self, parent: ET.Element, where: str, depth: int, *, needed: bool
    ) -> Iterator[tuple[ET.Element, FieldSpec, bool, str]]:
        if depth > MAX_NESTING:
            raise self._wrong(where, f"nested more than {MAX_NESTING} deep")
        for element in parent:
            self.placed += 1
            if self.placed > MAX_PLACED:
                raise self._wrong(where, f"more than {MAX_PLACED} members in all")
            name = self._attribute(element, "name", where)
            place = f"{where}/{name}"
            flag = element.get("required", "N").upper()
            if flag not in {"Y", "N"}:
                raise self._wrong(place, f"required is {flag!r}, not Y or N")
            if element.tag == "component":
                if name not in self.components:
                    raise self._wrong(place, "no component of this name")
                yield from self._members(
                    self.components[name], place, depth + 1, needed=needed and flag == "Y"
                )
            elif element.tag in {"field", "group"}:
                spec = self.by_name.get(name)
                if spec is None:
                    raise self._wrong(place, "no field of this name is declared in <fields>")
                yield element, spec, needed and flag == "Y", place
            else:
                raise self._wrong(place, f"unknown element <{element.tag}>")

    def _group(self, element: ET.Element, count: FieldSpec, where: str) -> GroupSpec:
        if count.type not in _GROUP_COUNT_TYPES:
            raise self._wrong(where, f"counts a group but has the type {count.type}")
        if where.count("/") > MAX_NESTING:
            raise self._wrong(where, f"nested more than {MAX_NESTING} deep")
        group = GroupSpec(where, count_tag=count.number)
        self._fill(group, element)
        if not group.members:
            raise self._wrong(where, "a group without fields")
        group.delimiter = next(iter(group.members))
        return group

    def _data_lengths(self) -> dict[int, int]:
        """Each data field's length field: its name with Length or Len at the end.

        Where a standard shortened one of the two names: the tag before it, if that is a LENGTH.
        """
        lengths: dict[int, int] = {}
        for spec in self.fields.values():
            if spec.type in DATA_TYPES:
                length = self.by_name.get(f"{spec.name}Length") or self.by_name.get(
                    f"{spec.name}Len"
                )
                before = self.fields.get(spec.number - 1)
                if length is None and before is not None and before.type == "LENGTH":
                    length = before
                if length is None:
                    raise self._wrong(f"fields/{spec.name}", "data without a length field")
                lengths[spec.number] = length.number
        return lengths


def _field_spec(tag: int, name: str, kind: str, values: dict[bytes, str]) -> FieldSpec:
    """A field with the patterns that its type and values amount to."""
    multiple = kind in MULTIPLE
    if kind in DATA_TYPES:
        return FieldSpec(tag, name, kind, {}, multiple, None, b"")
    lexical = PATTERNS[kind]
    pattern = re.compile(lexical)
    inline = lexical
    if values:
        possible = [
            value
            for value in values
            if pattern.fullmatch(value) and not (multiple and b" " in value)
        ]
        if not possible:
            raise ConfigError(f"fields/{name}", f"no value is a {kind}")
        inline = _alternatives(possible)
        if multiple:
            inline = inline + b"(?: " + inline + b")*+"
    return FieldSpec(tag, name, kind, values, multiple, pattern, inline)


def _alternatives(values: list[bytes]) -> bytes:
    if all(len(value) == 1 for value in values):
        return b"[" + b"".join(re.escape(value) for value in values) + b"]"
    return b"(?:" + b"|".join(re.escape(value) for value in values) + b")"
