"""The file that an institution hands in, as YAML: people by names there, by ids behind it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from compliance.kyc.institution import MAX_NAME, Document, Institution, Kind, Owner, Trader
from engine.model.errors import OperatorError
from gateway.small_file import read_small

MAX_BYTES: Final = 1024 * 1024
"""Of such a file: people, and digests of documents."""

PersonName = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who is new, by name, or somebody who is known, by id: whoever has a part in two
    firms is one person."""

    name: PersonName | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        if (self.name is None) == (self.id is None):
            raise ValueError("a person has a name, or the id of somebody who is known")


class OwnerRow(Struct, frozen=True, forbid_unknown_fields=True):
    """See Owner."""

    person: str
    share_bps: int


class TraderRow(Struct, frozen=True, forbid_unknown_fields=True):
    """See Trader."""

    person: str
    short_code: str


class DocumentRow(Struct, frozen=True, forbid_unknown_fields=True):
    """See Document."""

    kind: Kind
    sha256: str


class Application(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """See Institution; people are by their keys in `people`."""

    lei: str
    name: str
    legal_form: str
    country: str
    people: dict[str, Person]
    directors: tuple[str, ...]
    documents: tuple[DocumentRow, ...]
    parent: str = ""
    owners: tuple[OwnerRow, ...] = ()
    traders: tuple[TraderRow, ...] = ()
    house: tuple[str, ...] = ()
    market_maker: bool = False


def read_application(path: Path) -> Application:
    """Raises OperatorError."""
    data = read_small(path, MAX_BYTES)
    try:
        return msgspec.yaml.decode(data, type=Application, strict=True)
    except msgspec.MsgspecError as error:
        raise OperatorError(f"{path}: {error}") from None


def draft_ids(people: Mapping[str, Person]) -> dict[str, str]:
    """By key an id for each person, for who is new one that nobody has: so that a file is looked
    at before anything of it is kept."""
    return {key: p.id or f"s-{k:032x}" for k, (key, p) in enumerate(people.items())}


def institution_of(application: Application, ids: Mapping[str, str]) -> Institution:
    """The file with ids in place of keys. Raises OperatorError."""
    used = [row.person for row in application.owners]
    used += [*application.directors, *(row.person for row in application.traders)]
    for key in used:
        if key not in ids:
            raise OperatorError(f"{key!r} is nobody under `people`")
    idle = next((key for key in ids if key not in used), None)
    if idle is not None:
        raise OperatorError(f"people.{idle}: has no part in this firm, so it is not to be kept")
    return Institution(
        application.lei,
        application.name,
        application.legal_form,
        application.country,
        application.parent,
        tuple(Owner(ids[row.person], row.share_bps) for row in application.owners),
        tuple(ids[key] for key in application.directors),
        tuple(Trader(ids[row.person], row.short_code) for row in application.traders),
        tuple(Document(row.kind, row.sha256) for row in application.documents),
        application.house,
        application.market_maker,
    )
