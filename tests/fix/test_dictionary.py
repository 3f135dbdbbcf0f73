"""A data dictionary is read as QuickFIX reads it, and refused by name where it is wrong."""

from pathlib import Path

import fixcore
import pytest

from engine.model.errors import ConfigError
from gateway.fix.dictionary import FIX44_MSG_TYPES, MAX_XML, Dictionary
from tests.fix.pipes import FIX44, venue_dictionary

SPECS = Path(fixcore.__file__).parent / "specs"
TAKEN = ["A", "0", "1", "2", "3", "4", "5", "D", "F", "G", "H", "q"]
TAKEN += ["V", "x", "c", "e", "g", "BW"]
SENT = ["8", "9", "r", "j", "W", "X", "Y", "y", "d", "f", "h", "BX", "BY"]
REPLAY = {1182, 1183, 1346, 1347, 1348, 1349, 1351, 1352, 1353, 1354, 1355, 1356, 1357, 1426}
LATER_MESSAGES = {b"BW", b"BX", b"BY"}
OWN = {20001, 20002, 20003, 20004}
LATER = {969, 1180, 1181, 2446} | REPLAY | OWN  # not in FIX 4.4 at all
EXTENSIONS = LATER | {880, 83, 779}  # these are FIX 4.4's, on other messages

SMALL = """<fix type='FIX' major='4' minor='4' servicepack='0'>
 <header><field name='BeginString' required='Y'/></header>
 <messages>
  <message name='Order' msgtype='D' msgcat='app'>
   <field name='ClOrdID' required='Y'/>
   <component name='Parties' required='N'/>
  </message>
 </messages>
 <trailer><field name='CheckSum' required='Y'/></trailer>
 <components>
  <component name='Parties'>
   <group name='NoPartyIDs' required='N'><field name='PartyID' required='Y'/></group>
  </component>
 </components>
 <fields>
  <field number='8' name='BeginString' type='STRING'/>
  <field number='10' name='CheckSum' type='STRING'/>
  <field number='11' name='ClOrdID' type='STRING'/>
  <field number='54' name='Side' type='CHAR'>
   <value enum='1' description='BUY'/><value enum='2' description='SELL'/>
  </field>
  <field number='448' name='PartyID' type='STRING'/>
  <field number='453' name='NoPartyIDs' type='NUMINGROUP'/>
 </fields>
</fix>
"""


def changed(old, new):
    assert old in SMALL
    return SMALL.replace(old, new)


def test_small_dictionary_is_read():
    dictionary = Dictionary.load(SMALL)
    assert dictionary.begin_string == b"FIX.4.4"
    order = dictionary.messages[b"D"]
    assert (order.name, order.admin, order.required) == ("Order", False, (11,))
    assert list(order.members) == [11, 453]
    parties = order.groups[453]
    assert (parties.delimiter, parties.required) == (448, (448,))
    assert dictionary.field_named("Side").values == {b"1": "BUY", b"2": "SELL"}
    assert dictionary.fields[54] is dictionary.by_name["Side"]
    with pytest.raises(ConfigError, match="Colour: no field of this name"):
        dictionary.field_named("Colour")


WRONG = {
    "not XML": ("<fix", "not well-formed XML"),
    "other root": ("<html/>", "root element is <html>"),
    "no version": (changed("major='4' ", ""), "<fix> without major"),
    "strange version": (changed("major='4'", "major='x'"), "not a version of FIX"),
    "no fields": ("<fix type='FIX' major='4' minor='4'><messages/></fix>", "no <fields>"),
    "unknown part": (changed("<trailer>", "<extra/><trailer>"), "unknown element <extra>"),
    "part twice": (changed("<trailer>", "<messages/><trailer>"), "messages: appears twice"),
    "field not declared": (
        changed("<field name='ClOrdID' required='Y'/>", "<field name='Colour' required='Y'/>"),
        "Order/Colour: no field of this name is declared",
    ),
    "component not declared": (
        changed("<component name='Parties' required='N'/>", "<component name='P' required='N'/>"),
        "Order/P: no component of this name",
    ),
    "group not declared": (changed("name='NoPartyIDs' r", "name='NoX' r"), "Parties/NoX: no field"),
    "name twice": (changed("name='PartyID' t", "name='ClOrdID' t"), "ClOrdID: declared twice"),
    "number twice": (changed("number='448'", "number='11'"), "has the number 11 of ClOrdID"),
    "number of letters": (changed("number='448'", "number='x'"), "'x' is not a tag number"),
    "number zero": (changed("number='448'", "number='0'"), "'0' is not a tag number"),
    "unknown type": (changed("type='CHAR'", "type='COLOUR'"), "Side: unknown type COLOUR"),
    "value twice": (changed("enum='2'", "enum='1'"), "Side: value 1 declared twice"),
    "values of another type": (
        changed("'Side' type='CHAR'", "'Side' type='BOOLEAN'"),
        "Side: no value is a BOOLEAN",
    ),
    "required unclear": (changed("'ClOrdID' required='Y'", "'ClOrdID' required='maybe'"), "MAYBE"),
    "message without type": (changed("msgtype='D' ", ""), "Order: <message> without msgtype"),
    "strange category": (changed("msgcat='app'", "msgcat='x'"), "not admin or app"),
    "message twice": (
        changed("</messages>", "<message name='Two' msgtype='D' msgcat='app'/></messages>"),
        "Two: name or msgtype D declared twice",
    ),
    "component twice": (
        changed("</components>", "<component name='Parties'/></components>"),
        "components/Parties: declared twice",
    ),
    "group without fields": (changed("<field name='PartyID' required='Y'/>", ""), "without fields"),
    "group counted by text": (
        changed("'NoPartyIDs' type='NUMINGROUP'", "'NoPartyIDs' type='STRING'"),
        "counts a group but has the type STRING",
    ),
    "component in itself": (
        changed("ts>\n  <component name='Parties'>", "ts><component name='Parties'>"
                "<component name='Parties'/>"),
        "nested more than",
    ),
    "group in itself": (
        changed("<field name='PartyID' required='Y'/>", "<field name='PartyID' required='Y'/>"
                "<component name='Parties' required='N'/>"),
        "nested more than",
    ),
    "group twice": (
        changed("required='N'/>\n  </m", "required='N'/><component name='Parties'/></m"),
        "NoPartyIDs: is in this place twice",
    ),
    "data without length": (changed("type='CHAR'", "type='DATA'"), "Side: data without a length"),
    "DTD": ("<!DOCTYPE fix>" + SMALL, "document type declaration"),
    "entities": (
        "<!DOCTYPE fix [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]>" + SMALL,
        "document type declaration",
    ),
    "too large": (SMALL + " " * MAX_XML, "larger than"),
    "UTF-16": (("<?xml version='1.0' encoding='UTF-16'?>" + SMALL).encode("utf-16"), "not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_dictionary_is_refused_by_name(name):
    text, words = WRONG[name]
    with pytest.raises(ConfigError) as caught:
        Dictionary.load(text)
    assert words in str(caught.value)


def test_components_that_multiply_each_other_are_refused():
    layers = 12
    parts = "".join(
        f"<component name='C{n}'>" + f"<component name='C{n + 1}'/>" * 10 + "</component>"
        for n in range(layers)
    )
    parts += f"<component name='C{layers}'><field name='ClOrdID'/></component>"
    text = changed("</components>", parts + "</components>")
    text = text.replace("<field name='ClOrdID' required='Y'/>", "<component name='C0'/>")
    with pytest.raises(ConfigError, match="members in all"):
        Dictionary.load(text)


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"NONE\.xml: cannot be read: No such file"):
        Dictionary.load(tmp_path / "NONE.xml")


def test_file_and_text_give_the_same():
    assert Dictionary.load(FIX44.read_text()).fields.keys() == venue_dictionary().fields.keys()
    assert Dictionary.load(FIX44.read_bytes()).messages.keys() == venue_dictionary().messages.keys()


@pytest.mark.parametrize("version", [path.stem for path in sorted(SPECS.glob("*.xml"))])
def test_stock_dictionaries_load(version):
    dictionary = Dictionary.load(SPECS / f"{version}.xml")
    assert len(dictionary.fields) > 50


def test_list_of_fix44_types_is_the_standards():
    assert Dictionary.load(SPECS / "FIX44.xml").messages.keys() == FIX44_MSG_TYPES


def test_venue_speaks_what_it_says():
    messages = venue_dictionary().messages
    assert sorted(messages) == sorted(name.encode() for name in TAKEN + SENT)
    assert {name for name, spec in messages.items() if spec.admin} == set(b"A 0 1 2 3 4 5".split())


LATER_VALUES = {
    35: {
        b"BW": "APPLICATION_MESSAGE_REQUEST",
        b"BX": "APPLICATION_MESSAGE_REQUEST_ACK",
        b"BY": "APPLICATION_MESSAGE_REPORT",
    },
    380: {b"8": "THROTTLE_LIMIT_EXCEEDED"},
    452: {b"55": "SESSION_ID", b"122": "INVESTMENT_DECISION_MAKER"},
}
"""Values of later versions: 452=122 is taken because regulators ask for it, 452=55 is the session
that a drop copy is of, 380=8 is sent to sessions that asked for extensions."""


def test_venue_dictionary_agrees_with_the_stock_one_field_by_field():
    stock = Dictionary.load(SPECS / "FIX44.xml")
    for tag, spec in venue_dictionary().fields.items():
        if tag in LATER:
            assert tag not in stock.fields
            continue
        other = stock.fields[tag]
        values = other.values | LATER_VALUES.get(tag, {})
        assert (spec.name, spec.type, spec.values) == (other.name, other.type, values)


def test_what_is_of_later_versions_is_as_they_have_it():
    stock, venue = Dictionary.load(SPECS / "FIX50SP2.xml"), venue_dictionary()
    for tag in LATER - OWN:
        ours, theirs = venue.fields[tag], stock.fields[tag]
        assert (ours.name, ours.type) == (theirs.name, theirs.type)
        assert not theirs.values or ours.values.items() <= theirs.values.items(), ours.name
    for msg_type in LATER_MESSAGES:
        ours, theirs = venue.messages[msg_type], stock.messages[msg_type]
        assert (ours.name, ours.required) == (theirs.name, theirs.required)
        assert ours.members.keys() <= theirs.members.keys()
        [(count_tag, group)] = ours.groups.items()
        other = theirs.groups[count_tag]
        assert (group.delimiter, group.required) == (other.delimiter, other.required)
        assert group.members.keys() <= other.members.keys()


def test_venue_requires_what_stock_requires_and_never_less():
    stock = Dictionary.load(SPECS / "FIX44.xml")
    for msg_type, spec in venue_dictionary().messages.items():
        if msg_type in LATER_MESSAGES:
            continue
        assert set(spec.required) >= set(stock.messages[msg_type].required)
        more = set(spec.required) - set(stock.messages[msg_type].required)
        assert more <= {55, 38}
        known = stock.messages[msg_type].members.keys() | EXTENSIONS
        beyond = spec.members.keys() - known
        # CopyMsgIndicator(797) marks drop copies, Parties(453) say whose they are; FIX 4.4 has both
        # on ExecutionReport only.
        assert beyond <= {797, 453}, spec.name
        in_groups(spec, stock.messages[msg_type])


def in_groups(ours, stock):
    """The same of an entry of each group: what it needs is what stock needs, or the symbol."""
    for count_tag, group in ours.groups.items():
        other = stock.groups.get(count_tag)
        if other is None:
            continue  # a whole group that the message has beyond stock, named above
        assert group.delimiter == other.delimiter, group.name
        assert set(other.required) <= set(group.required) <= {*other.required, 55}, group.name
        beyond = group.members.keys() - other.members.keys() - EXTENSIONS
        assert beyond <= {278}, group.name  # of an order or trade in 35=W, as in FIX 5.0
        in_groups(group, other)


def test_venue_declares_no_field_that_no_message_has():
    dictionary = venue_dictionary()
    used = set()
    waiting = [dictionary.header, dictionary.trailer, *dictionary.messages.values()]
    while waiting:
        section = waiting.pop()
        used |= section.members.keys()
        waiting += section.groups.values()
    assert used == dictionary.fields.keys()
