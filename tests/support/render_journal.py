"""Prints every report of a journal as `session<TAB>ExecID-name<TAB>MsgType<TAB>hex of its body`.

A program of its own, so that a test can run it under another PYTHONHASHSEED.
"""

import sys
from pathlib import Path

from engine.model.refdata import ReferenceData
from engine.replay import folder_records
from gateway.reports import ReportRenderer, is_report


def reports(folder):
    """The lines."""
    refdata = ReferenceData()
    renderer = ReportRenderer(refdata, digits=3, extensions=False)
    for record in folder_records(Path(folder)):
        refdata.apply(record.command)
        for k, event in enumerate(record.events, 1):
            if is_report(event):
                msg_type, body = renderer.render(record, k)
                session = refdata.sessions[event.session].comp_id
                yield f"{session}\t{record.number}-{k}\t{msg_type.decode()}\t{body.hex()}"


if __name__ == "__main__":
    print(*reports(sys.argv[1]), sep="\n")
