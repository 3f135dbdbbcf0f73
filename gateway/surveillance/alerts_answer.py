"""What `fixgate alerts` does: read the whole journal, and print what the rules find."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from compliance.surveillance.alerts import Alert
from compliance.watches import Watches
from engine.journal.follow import JournalReader
from engine.model.record import Record
from engine.model.refdata import ReferenceData
from engine.replay import join_parts, without_collections
from gateway.at_the_venue import journal_of
from gateway.custody_commands.common import print_rows, utc
from gateway.progress import Progress
from gateway.surveillance.inputs import read_inputs
from gateway.surveillance.names import member_names, subject_words

COLUMNS: Final = {
    "time": "TIME",
    "kind": "ALERT",
    "instrument": "INSTRUMENT",
    "members": "MEMBERS",
    "records": "RECORDS",
    "text": "WHY",
}


def answer(args: argparse.Namespace) -> int:
    """Print all alerts, in the order of the records that complete them."""
    watch = Watches(read_inputs(Path(), args.rules, args.links, args.money_rules, args.profiles))
    refdata = ReferenceData()
    rows = []
    with without_collections(), journal_of(args.data) as reader:
        for whole in join_parts(_passing(reader)):
            refdata.apply(whole.command)
            for alert in watch.take(*whole[:5]):
                if args.kind in (None, alert.kind) and _about(refdata, alert, args.member):
                    if args.json:
                        print(json.dumps(_object(refdata, alert)))
                    else:
                        rows.append(_row(refdata, alert))
    if not args.json:
        print_rows(COLUMNS, rows, "no alerts")
    return 0


def _passing(reader: JournalReader) -> Iterator[Record]:
    progress = Progress()
    for record in reader.records(0, reader.mark().number):
        progress.tell("looked at", record.number + 1)
        yield record
    progress.close()


def _about(refdata: ReferenceData, alert: Alert, name: str | None) -> bool:
    return name is None or name in member_names(refdata, alert.members).split(", ")


def _row(refdata: ReferenceData, alert: Alert) -> dict[str, str]:
    instrument, members = subject_words(refdata, alert)
    return {
        "time": utc(alert.time),
        "kind": alert.kind,
        "instrument": instrument,
        "members": members,
        "records": f"{alert.first_record}..{alert.last_record}",
        "text": alert.text,
    }


def _object(refdata: ReferenceData, alert: Alert) -> dict[str, object]:
    """All of it, with names beside the ids."""
    instrument, members = subject_words(refdata, alert)
    found: dict[str, object] = msgspec.to_builtins(alert)
    return {**found, "symbol": instrument, "names": members.split(", ")}
