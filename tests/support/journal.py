"""What the journal says, by `fixgate replay --records`: the truth that tests compare with.

Names follow the printed records: see gateway.cli.record_json.
"""

import json

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
