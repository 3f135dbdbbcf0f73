"""What is said about an export, beside it: enough to derive it again and compare. Pure."""

from typing import Final

import msgspec
from msgspec import Struct

from compliance.audit.checkpoint import Checkpoint
from compliance.audit.errors import AuditRefused
from compliance.audit.text import from_hash, to_base64
from compliance.exports.errors import ExportRefused
from compliance.exports.kind import Format, Kind
from compliance.exports.times import Period, parse_time, time_text
from compliance.exports.writing import Written

MANIFEST_VERSION: Final = 1


class ExportedFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of an export: its name in the folder, its size and its SHA-256 in hex."""

    name: str
    bytes: int
    sha256: str


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An export. begin, end: of its period, as time_text. first_record, last_record: of the period
    among the `size` records under the checkpoint, -1 for none. exporter: the release that made it.
    missing: rows that lack what every row should have, by its name."""

    version: int
    kind: str
    kind_version: int
    exporter: str
    format: Format
    begin: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    member: str
    first_record: int
    last_record: int
    rows: int
    files: tuple[ExportedFile, ...]
    missing: dict[str, int]
    origin: str
    size: int
    root: str

    def period(self) -> Period:
        """What it is of. Raises ExportRefused."""
        return Period(parse_time(self.begin), parse_time(self.end), self.member)

    def checkpoint(self) -> Checkpoint:
        """Under which its records are. Raises AuditRefused."""
        return Checkpoint(self.origin, self.size, from_hash(self.root))


def file_name(kind: Kind, fmt: Format) -> str:
    """Of the file with the rows."""
    return f"{kind.name}.{fmt}"


def make_manifest(
    kind: Kind,
    fmt: Format,
    period: Period,
    written: Written,
    checkpoint: Checkpoint,
    exporter: str,
) -> Manifest:
    """What there is to say about what was written."""
    return Manifest(
        version=MANIFEST_VERSION,
        kind=kind.name,
        kind_version=kind.version,
        exporter=exporter,
        format=fmt,
        begin=time_text(period.begin),
        end=time_text(period.end),
        member=period.member,
        first_record=written.first,
        last_record=written.last,
        rows=written.rows,
        files=(ExportedFile(file_name(kind, fmt), written.bytes, written.sha256),),
        missing=written.missing,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=to_base64(checkpoint.root),
    )


def encode_manifest(manifest: Manifest) -> bytes:
    """Its one spelling: JSON, two spaces a level, and a newline."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def parse_manifest(data: bytes) -> Manifest:
    """Inverse of encode_manifest. Raises ExportRefused for anything else, and another version."""
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
        manifest.checkpoint()
    except (msgspec.DecodeError, UnicodeDecodeError, AuditRefused) as error:
        raise ExportRefused(f"this is no manifest: {error}") from None
    if manifest.version != MANIFEST_VERSION:
        raise ExportRefused(f"a manifest of version {manifest.version} is of another release")
    if encode_manifest(manifest) != data or manifest.period() is None:
        raise ExportRefused("this is no manifest as it is written here")
    return manifest
