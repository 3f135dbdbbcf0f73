"""A decoded message: its fields where they stand in the raw bytes, and what was found wrong."""

from collections.abc import Iterator
from typing import Final, overload

from gateway.fix.dictionary import GroupSpec, MessageSpec, Section
from gateway.fix.errors import PeerError

MSG_SEQ_NUM: Final = 34

MAX_PICKS: Final = 32
"""Sets of tags whose places one layout remembers: a program asks for a handful, each fixed in its
code; a program that asks for ever new ones is not remembered beyond this."""


class Entry(dict[int, bytes]):
    """One entry of a repeating group: tag -> value, with the groups inside it apart.

    The count field of an inner group is among the tags; its entries are group(count_tag).
    """

    __slots__ = ("_groups",)

    def __init__(self) -> None:
        super().__init__()
        self._groups: dict[int, list[Entry]] = {}

    def group(self, count_tag: int) -> list["Entry"]:
        """The entries of an inner group, in order; none if the group is not there."""
        return self._groups.get(count_tag, [])

    def _add(self, count_tag: int, entries: list["Entry"]) -> None:
        self._groups[count_tag] = entries


class Layout:
    """Which tags a message has, in order: all that its structure depends on.

    One layout serves every message of the same shape. index gives a tag's first position; sections
    are the ones whose groups are looked for.
    """

    __slots__ = ("begin_string", "index", "msg_type", "picks", "presence", "sections", "tags")

    def __init__(
        self,
        begin_string: bytes,
        msg_type: bytes,
        tags: tuple[int, ...],
        sections: tuple[Section, ...],
    ) -> None:
        self.begin_string = begin_string
        self.msg_type = msg_type
        self.tags = tags
        self.sections = sections
        index: dict[int, int] = {}
        for position, tag in enumerate(tags):
            index.setdefault(tag, position)
        self.index = index
        self.picks: dict[tuple[int, ...], tuple[int, ...]] = {}
        self.presence: dict[frozenset[int], tuple[int, ...]] = {}

    def group_spec(self, count_tag: int) -> GroupSpec | None:
        """What an entry of that top-level group looks like, if the message type has the group."""
        for section in self.sections:
            spec = section.groups.get(count_tag)
            if spec is not None:
                return spec
        return None

    def spec_name(self) -> str:
        """The message's name, for logs; its type where that is unknown."""
        for section in self.sections:
            if isinstance(section, MessageSpec):
                return section.name
        return self.msg_type.decode("latin-1")


class Message:
    """A message as it came. Values are bytes, looked up by tag; nothing is converted or copied.

    error is what validation found first, None for a good message. Even then whatever could be
    read is there, so that a session can check MsgSeqNum(34) and the CompIDs before it answers.
    """

    __slots__ = ("_layout", "_values", "begin_string", "error", "msg_type", "raw")

    def __init__(
        self,
        layout: Layout,
        values: tuple[bytes | None, ...],
        raw: bytes,
        error: PeerError | None = None,
    ) -> None:
        # `values` has one more element than there are tags: None, what an absent tag picks.
        self._layout = layout
        self._values = values
        self.msg_type = layout.msg_type
        self.begin_string = layout.begin_string
        self.raw = raw
        self.error = error

    def __repr__(self) -> str:  # type: ignore[explicit-override] # typing has it from 3.12
        return f"Message({self.raw.replace(bytes([1]), b'|')!r})"

    def __contains__(self, tag: int) -> bool:
        return tag in self._layout.index

    @property
    def name(self) -> str:
        """The dictionary's name of the message type, such as NewOrderSingle."""
        return self._layout.spec_name()

    @property
    def seq(self) -> int:
        """MsgSeqNum(34), or -1 where it is missing or not a number."""
        text = self.get(MSG_SEQ_NUM)
        if text is None or not text.isdigit() or len(text) > 18:
            return -1
        return int(text)

    @overload
    def get(self, tag: int) -> bytes | None: ...
    @overload
    def get(self, tag: int, default: bytes) -> bytes: ...
    def get(self, tag: int, default: bytes | None = None) -> bytes | None:
        """The first value of a tag, in a group or not."""
        position = self._layout.index.get(tag)
        return default if position is None else self._values[position]

    def pick(self, tags: tuple[int, ...]) -> list[bytes | None]:
        """The first values of several tags at once, None where absent: get() for a hot path."""
        picks = self._layout.picks
        positions = picks.get(tags)
        if positions is None:
            index = self._layout.index
            positions = tuple(index.get(tag, -1) for tag in tags)
            if len(picks) < MAX_PICKS:
                picks[tags] = positions
        values = self._values
        return [values[position] for position in positions]

    def present(self, tags: frozenset[int]) -> tuple[int, ...]:
        """Those of `tags` that the message has, ascending: for checks that seldom find any."""
        presence = self._layout.presence
        found = presence.get(tags)
        if found is None:
            found = tuple(sorted(tags & self._layout.index.keys()))
            if len(presence) < MAX_PICKS:
                presence[tags] = found
        return found

    def pairs(self) -> Iterator[tuple[int, bytes]]:
        """All fields in wire order, those of groups among them."""
        for tag, value in zip(self._layout.tags, self._values, strict=False):
            assert value is not None
            yield tag, value

    def group(self, count_tag: int) -> list[Entry]:
        """The entries of a top-level repeating group, in order; none if it is not there."""
        position = self._layout.index.get(count_tag)
        spec = self._layout.group_spec(count_tag)
        if position is None or spec is None:
            return []
        entries, _ = self._entries(spec, position + 1)
        return entries

    def _entries(self, spec: GroupSpec, at: int) -> tuple[list[Entry], int]:
        """The entries that start at position `at`, and the position behind them."""
        tags = self._layout.tags
        entries: list[Entry] = []
        while at < len(tags) and tags[at] in spec.members:
            tag = tags[at]
            value = self._values[at]
            assert value is not None
            if tag == spec.delimiter or not entries:
                entries.append(Entry())
            entries[-1][tag] = value
            at += 1
            inner = spec.groups.get(tag)
            if inner is not None:
                found, at = self._entries(inner, at)
                entries[-1]._add(tag, found)  # noqa: SLF001 - built here, read-only elsewhere
        return entries, at
