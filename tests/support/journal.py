"""What the journal says, by `fixgate replay --records`: the truth that tests compare with.

Names follow the printed records: see gateway.plain.record_json.
"""

import json
from decimal import ROUND_HALF_UP, Decimal

from tests.support.venue import fixgate

ORDER_REPORTS = {
    "OrderAccepted": "0",
    "OrderFilled": "F",
    "OrderCanceled": "4",
    "OrderExpired": "C",
    "OrderReplaced": "5",
    "OrderRejected": "8",
}
"""Event types about an order's life, with the ExecType(150) of their reports."""

EXEC_TYPES = ORDER_REPORTS | {"OrderRefused": "8"}
"""Every event type that has an ExecID(17)."""

OTHER_REPORTS = {"CancelRejected": "9", "MassCancelReported": "r"}
"""Event types without an ExecID, with the MsgType(35) of their reports."""

ORD_STATUS = {0: "0", 1: "1", 2: "2", 4: "4", 8: "8", 12: "C"}

AVG_PX_PLACES = 6
"""Decimals of AvgPx(6) beyond those of the price."""


def names(reports):
    """What a member sees of reports: ExecID(17), or MsgType(35) of those that have none."""
    return [name if kind in EXEC_TYPES else OTHER_REPORTS[kind] for name, kind, _ in reports]


def names_of(messages):
    """The same of messages."""
    return [m[17] if m[35] == "8" else m[35] for m in messages]


def state_of(message):
    """The state of an order that an ExecutionReport tells."""
    numbers = {tag: Decimal(message[tag]) for tag in (6, 14, 38, 44, 151) if tag in message}
    return {39: message[39]} | numbers


class Journal:
    """All records of a data folder.

    summary: the last line of `replay --json`. reports: (ExecID, type, event) of every report, in
    record order; ExecID is made for those that carry none, too.
    """

    def __init__(self, data):
        result = fixgate("replay", "--data", data, "--records", "--json", timeout=120)
        assert result.returncode == 0, result.stderr
        *lines, last = result.stdout.splitlines()
        self.summary = json.loads(last)
        self.records = [json.loads(line) for line in lines]
        self.sessions, self.members, self.starts = {}, {}, 0
        self._steps = {}
        self.reports = []
        for record in self.records:
            self._define(record["command"])
            for k, event in enumerate(record["events"], 1):
                kind = event["type"]
                if kind in EXEC_TYPES or kind in OTHER_REPORTS:
                    self.reports.append((f"{record['record']}-{k}", kind, event))

    def _define(self, command):
        match command["type"]:
            case "DefineSession":
                self.sessions[command["comp_id"]] = command["session"]
            case "DefineMember":
                self.members[command["name"]] = command["member"]
            case "DefineInstrument":
                tick = Decimal(command["tick_units"]).scaleb(-command["price_places"])
                lot = Decimal(command["lot_units"]).scaleb(-command["qty_places"])
                avg = Decimal(1).scaleb(-command["price_places"] - AVG_PX_PLACES)
                self._steps[command["instrument"]] = (tick, lot, avg)
            case "CoreStarted":
                self.starts += 1

    def of_session(self, comp_id):
        """The reports that went to an order entry session."""
        session = self.sessions[comp_id]
        return [report for report in self.reports if report[2]["session"] == session]

    def of_member(self, name):
        """The reports that a member's drop copy gets."""
        member = self.members[name]
        return [report for report in self.reports if report[2]["member"] == member]

    def latest(self, comp_id):
        """The last event of each of a session's orders, by order id."""
        return {
            event["order_id"]: (kind, event)
            for _, kind, event in self.of_session(comp_id)
            if kind in ORDER_REPORTS
        }

    def state(self, event):
        """The state of an order after `event`: as FIX tells it, see state_of."""
        tick, lot, avg = self._steps[event["instrument"]]
        cum = event["cum"]
        state = {39: ORD_STATUS[event["status"]], 6: Decimal(0)}
        if cum:
            state[6] = (event["cum_value"] * tick / cum).quantize(avg, ROUND_HALF_UP)
        if event["price"]:
            state[44] = event["price"] * tick
        return state | {14: cum * lot, 38: event["qty"] * lot, 151: event["leaves"] * lot}

    def check_member(self, client):
        """Its engine delivered exactly the reports of its session, in order, and what they say
        of each order last is what the journal says."""
        reports = client.delivered_reports()
        assert names_of(reports) == names(self.of_session(client.comp_id)), client
        told = {int(m[37]): m for m in reports if m[35] == "8" and m[37] != "NONE"}
        latest = self.latest(client.comp_id)
        assert told.keys() == latest.keys(), client
        for order_id, (_, event) in latest.items():
            message = told[order_id]
            assert message[11] == event["cl_ord_id"], (str(message), event)
            assert state_of(message) == self.state(event), (str(message), event)

    def check_drop_copy(self, client, member):
        """It has each report of the member exactly once, in order, numbered without a hole."""
        reports, got = self.of_member(member), client.delivered_reports()
        assert [int(m[1181]) for m in got] == list(range(1, len(reports) + 1))
        assert names_of(got) == names(reports)
        assert [m[20001] for m in got] == [name.partition("-")[0] for name, _, _ in reports]
