"""Records as people and programs read them: names, numbers and words."""

import json

import msgspec

from engine.model.record import Record


def record_json(record: Record) -> str:
    """A record as one JSON object: times in ns UTC, ids as numbers, member's words as text."""
    return json.dumps(
        {
            "record": record.number,
            "time": record.time,
            "part": f"{record.part + 1}/{record.parts}",
            "command": named(record.command),
            "events": [named(event) for event in record.events],
        }
    )


def named(value: msgspec.Struct) -> dict[str, object]:
    """A command or an event, its fields by their names, its type among them."""
    fields: dict[str, object] = {"type": type(value).__name__}
    for field in msgspec.structs.fields(value):
        fields[field.name] = _plain(getattr(value, field.name))
    return fields


def _plain(value: object) -> object:
    match value:
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case msgspec.Struct():
            return named(value)
        case tuple():
            return [_plain(item) for item in value]
        case _:
            return value
