"""The part `compliance` of the venue's configuration."""

from typing import Annotated

from msgspec import Meta, Struct

LogName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9.-]+(/[A-Za-z0-9._~-]+)*\Z",
        max_length=200,
        description="a URL without its scheme, such as venue.example/audit",
    ),
]
"""A log's origin (c2sp.org/tlog-checkpoint): a URL without its scheme, where it is or might be."""


FilePath = Annotated[str, Meta(min_length=1, max_length=4_096)]


class ComplianceSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """origin: the audit log's name, which is in all that it signs; another name is another log.
    key_file: its keys; relative paths are from the configuration's folder. Without it they are
    made at the first start, in the data folder. rules: of surveillance; without it those that
    come with the release. links: see compliance.surveillance.links; without it there are none."""

    origin: LogName
    key_file: FilePath | None = None
    rules: FilePath | None = None
    links: FilePath | None = None
