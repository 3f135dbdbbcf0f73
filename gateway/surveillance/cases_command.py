"""`fixgate cases`: what people make of alerts. The command line loads this for every command, so it
loads nothing of the cases."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate cases` takes."""
    parser.epilog = "Each action has --help, and --json for programs."
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, text: str, *, one: bool = True, who: bool = True) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=text, description=text)
        made.set_defaults(action=name.replace("-", "_"))
        made.add_argument("--data", type=Path, required=True, help="the venue's data folder")
        made.add_argument("--json", action="store_true", help="print JSON")
        if one:
            made.add_argument("case", type=int, metavar="CASE", help="its number")
        if who:
            made.add_argument("--as", dest="who", required=True, metavar="ID", help="who does it")
        return made

    listing = add("list", "show cases, the newest first", one=False, who=False)
    listing.add_argument("--state", help="only those that are so: new, working, proposed, closed")
    listing.add_argument("--late", action="store_true", help="only those that wait too long")
    add("show", "show one: its alerts, its evidence, all that has happened to it", who=False)
    add("assign", "give a case to somebody").add_argument("--to", required=True, metavar="ID")
    note = add("note", "add a note")
    note.add_argument("--text", required=True)
    note.add_argument("--record", type=int, action="append", default=[], help="of the journal")
    propose = add("propose", "say what comes out of a case; another one has to agree")
    propose.add_argument("--disposition", required=True, help="true_positive, false_positive ...")
    propose.add_argument("--reason", required=True, help="a code that goes with it")
    propose.add_argument("--text", required=True)
    add("close", "agree with the proposal of another")
    add("return", "want more than the proposal says").add_argument("--text", required=True)
    add("reopen", "open a closed case again").add_argument("--text", required=True)
    report = add("report", "draft a suspicious transaction and order report (STOR)")
    report.add_argument("--narrative", type=Path, required=True, metavar="FILE")
    report.add_argument("--reporter", type=Path, required=True, metavar="FILE", help="YAML")
    report.add_argument("--venue", required=True, help="the venue's MIC, or its name")
    report.add_argument("--out", type=Path, metavar="FILE", help="a new file; else it is printed")
    add("approve-report", "approve the newest version, which another has drafted")
    submit = add("submit-report", "write down that the authority has it")
    submit.add_argument("--reference", required=True, help="the authority's")


def run_cases(args: argparse.Namespace) -> int:
    """Raises OperatorError."""
    from gateway.surveillance.cases_answer import answer

    return answer(args)
