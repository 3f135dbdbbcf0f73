"""The XML of exports against python-iso20022: classes that others made out of ISO's own schemas.

Each restriction of the message, which these classes carry, holds for what is written, and our
schema lets nothing through that the message does not.
"""

import dataclasses
import io
import re
import types
import typing
from decimal import Decimal
from enum import Enum
from importlib.util import find_spec
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from compliance.exports.transactions import NAMESPACE, TRANSACTIONS
from compliance.exports.writing import write_export
from tests.engine.streams import VENUE, NamingTrader
from tests.exports.support import ALL, SCHEMAS, random_scene, records_of, xml_rows
from tests.support.needs import needs

pytestmark = pytest.mark.proof

XS = "{http://www.w3.org/2001/XMLSchema}"


@pytest.fixture(scope="module")
def message():
    needs("python-iso20022", there=find_spec("python_iso20022") is not None)
    from python_iso20022.auth.auth_016_001_03 import Auth01600103

    return Auth01600103


def test_documents_hold_to_every_restriction_of_the_message(message):
    from xsdata.formats.dataclass.parsers import XmlParser
    from xsdata.formats.dataclass.parsers.config import ParserConfig

    strict = ParserConfig(
        fail_on_unknown_properties=True,
        fail_on_unknown_attributes=True,
        fail_on_converter_warnings=True,
    )
    checked = 0
    for seed in range(3):
        _, wholes = random_scene(seed, 600, trader=NamingTrader, told=(VENUE,))
        out = io.BytesIO()
        write_export(TRANSACTIONS, "xml", records_of(wholes), ALL, out)
        parsed = XmlParser(config=strict).from_bytes(out.getvalue(), Root(message))
        reported = [row for row in xml_rows(out.getvalue()) if "New" in row]
        assert len(parsed.fin_instrm_rptg_tx_rpt.tx) == len(reported) > 10
        checked += holds(parsed)
    assert checked > 5_000


def Root(message):  # noqa: N802 - a class
    """The message by the name that its root element has: the package's classes have others."""
    meta = type("Meta", (), {"name": "Document", "namespace": NAMESPACE})
    return dataclasses.dataclass(type("Document", (message,), {"Meta": meta}))


def holds(value):
    """Check what a class says of its fields, all the way down; how many values there were."""
    fields = {field: getattr(value, field.name) for field in dataclasses.fields(value)}
    if "Choice" in type(value).__name__:
        assert sum(found not in (None, []) for found in fields.values()) == 1
    checked = 0
    for field, found in fields.items():
        values = found if isinstance(found, list) else [] if found is None else [found]
        rules = field.metadata
        assert len(values) >= max(rules.get("required", 0), rules.get("min_occurs", 0)), field
        for each in values:
            checked += 1
            if dataclasses.is_dataclass(each):
                checked += holds(each)
            else:
                keeps(rules, each)
    return checked


def keeps(rules, value):
    """A value keeps the rules of its field."""
    if isinstance(value, str):
        assert rules.get("min_length", 0) <= len(value) <= rules.get("max_length", 10**9)
        assert re.fullmatch(rules.get("pattern", ".*"), value)
    elif isinstance(value, Decimal):
        digits, places = len(value.as_tuple().digits), -value.normalize().as_tuple().exponent
        assert digits <= rules["total_digits"]
        assert places <= rules["fraction_digits"]
        assert value >= rules.get("min_inclusive", value)


def test_our_schema_is_no_looser_than_the_message(message):
    schema = ElementTree.parse(SCHEMAS / "transactions-1.xsd").getroot()
    assert schema.get("targetNamespace") == NAMESPACE == message.Meta.namespace
    named = {node.get("name"): node for node in schema if node.tag != f"{XS}element"}
    root = schema.find(f"{XS}element")
    seen = set()
    no_looser(named, named[root.get("type")], message, seen)
    assert {name for name, _ in seen} == set(named), "a type that nothing uses"


def no_looser(named, ours, theirs, seen):
    """One of our complex types against the class of its element."""
    if (ours.get("name"), theirs) in seen:
        return
    seen.add((ours.get("name"), theirs))
    fields = {field.metadata.get("name", ""): field for field in dataclasses.fields(theirs)}
    extension = ours.find(f"{XS}simpleContent/{XS}extension")
    if extension is not None:
        simple(named, extension.get("base"), fields[""], theirs, seen)
        (attribute,) = extension.findall(f"{XS}attribute")
        assert attribute.get("use") == "required"
        simple(named, attribute.get("type"), fields[attribute.get("name")], theirs, seen)
        return
    (group,) = ours
    assert (group.tag == f"{XS}choice") == ("Choice" in theirs.__name__), ours.get("name")
    names = [element.get("name") for element in group]
    order = list(fields)
    assert all(order.index(a) < order.index(b) for a, b in pairwise(names))
    always = {e.get("name") for e in group if e.get("minOccurs", "1") != "0"}
    if group.tag == f"{XS}sequence":
        needed = {n for n, f in fields.items() if f.metadata.get("required")}
        needed |= {n for n, f in fields.items() if f.metadata.get("min_occurs")}
        assert needed <= always, ours.get("name")
    for element in group:
        field = fields[element.get("name")]
        many, kind = kind_of(theirs, field)
        assert many or element.get("maxOccurs", "1") == "1"
        if dataclasses.is_dataclass(kind):
            no_looser(named, named[element.get("type")], kind, seen)
        else:
            simple(named, element.get("type"), field, theirs, seen)


def kind_of(owner, field):
    """(whether there may be several, of what) a field is."""
    hint = typing.get_type_hints(owner)[field.name]
    if typing.get_origin(hint) is list:
        return True, typing.get_args(hint)[0]
    assert typing.get_origin(hint) in (typing.Union, types.UnionType)
    return False, next(kind for kind in typing.get_args(hint) if kind is not type(None))


def simple(named, name, field, owner, seen):
    """One of our simple types, by name, against its field."""
    _, kind = kind_of(owner, field)
    if name == "xs:boolean":
        assert kind is bool
        return
    seen.add((name, None))
    restriction = named[name].find(f"{XS}restriction")
    facets = {}
    for facet in restriction:
        facets.setdefault(facet.tag.removeprefix(XS), []).append(facet.get("value"))
    rules = field.metadata
    if issubclass(kind, Enum):
        assert set(facets["enumeration"]) <= {member.value for member in kind}
        return
    assert (restriction.get("base") == "xs:decimal") == (kind is Decimal)
    assert ("dateTime" in restriction.get("base")) == (kind.__name__ == "XmlDateTime")
    for ours, theirs in (("maxLength", "max_length"), ("totalDigits", "total_digits"),
                         ("fractionDigits", "fraction_digits")):  # fmt: skip
        if theirs in rules:
            assert int(facets[ours][0]) <= rules[theirs], name
    for ours, theirs in (("minLength", "min_length"), ("minInclusive", "min_inclusive")):
        if theirs in rules:
            assert int(facets[ours][0]) >= rules[theirs], name
    if "pattern" in rules:
        assert facets["pattern"] == [rules["pattern"]], name
