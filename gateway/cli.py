"""The command line: running a venue, looking at one, and what custody is asked for.

Exit codes: 0 all is well, 1 something is wrong and the text says what, 2 the command was misused.
"""

import argparse
import getpass
import json
import secrets
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from engine.core.venue import Venue
from engine.model.errors import FixgateError, OperatorError
from engine.model.record import Record
from engine.model.refdata import ReferenceData
from engine.replay import folder_records, replay
from gateway.audit.evidence_command import add_arguments as add_evidence_arguments
from gateway.audit.evidence_command import run_evidence
from gateway.audit.receipt_command import add_arguments as add_receipt_arguments
from gateway.audit.receipt_command import run_receipt
from gateway.audit.rotate_command import add_arguments as add_rotate_arguments
from gateway.audit.rotate_command import run_rotate
from gateway.audit.verify_command import add_arguments as add_verify_arguments
from gateway.audit.verify_command import run_verify
from gateway.audit.witness_command import add_arguments as add_witness_arguments
from gateway.audit.witness_command import run_witness
from gateway.bootstrap import bootstrap_commands
from gateway.children import (
    COMPLIANCE,
    COMPLIANCE_PACKAGE,
    CUSTODY,
    CUSTODY_PACKAGE,
    HISTORY,
    HISTORY_PACKAGE,
    MIRROR,
    SIGNER,
    WEBHOOKS,
)
from gateway.config import ARGON2, Config, load_config, token_hash
from gateway.connect import connect_text, port_of, quickfix_config
from gateway.custody_commands import (
    addresses,
    alarms,
    approver,
    breaks,
    cold,
    decisions,
    deposits,
    keys,
    policy,
    reconcile,
    reserves,
    statements,
    warm,
    withdrawals,
)
from gateway.custody_commands.common import Act
from gateway.doctor import run_doctor
from gateway.exports.command import add_arguments as add_export_arguments
from gateway.exports.command import run_export
from gateway.holds.hold_command import add_arguments as add_hold_arguments
from gateway.holds.hold_command import run_hold
from gateway.mirror.folder import refuse_as_data
from gateway.mirror.restore import SKIP, SKIP_HELP, run_restore
from gateway.onboarding.kyc_command import add_arguments as add_kyc_arguments
from gateway.onboarding.kyc_command import run_kyc
from gateway.plain import record_json
from gateway.progress import Progress
from gateway.screening.command import add_arguments as add_screen_arguments
from gateway.screening.command import run_screen
from gateway.supervisor import ALL_PROCESSES, BOTS, Supervisor
from gateway.surveillance.alerts_command import add_arguments as add_alerts_arguments
from gateway.surveillance.alerts_command import run_alerts
from gateway.surveillance.cases_command import add_arguments as add_cases_arguments
from gateway.surveillance.cases_command import run_cases
from gateway.travel.travel_command import add_arguments as add_travel_arguments
from gateway.travel.travel_command import run_travel
from gateway.vault.command import add_arguments as add_vault_arguments
from gateway.vault.command import run_vault
from gateway.watch.command import add_arguments as add_watch_arguments
from gateway.watch.command import run_watch

TOKEN_BYTES: Final = 32
"""Random bytes of a token: nobody guesses 256 bits."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    if not __debug__:
        print("fixgate: asserts are the safety net: run Python without -O", file=sys.stderr)
        return 1
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except FixgateError as error:
        print(f"fixgate: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fixgate", description="An institutional crypto trading venue reached over FIX."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, run: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    run = add("run", _run, "run the venue until SIGTERM or Ctrl-C")
    run.add_argument("--config", type=Path, required=True, help="the venue's YAML file")
    run.add_argument("--data", type=Path, required=True, help="folder of journal and sessions")
    run.add_argument("--port-offset", type=int, default=0, help="added to every port")
    run.add_argument("--only", help=f"comma-separated: {','.join(ALL_PROCESSES)}")
    run.add_argument("--mirror", type=Path, help="folder of a second copy, on another disk")
    run.add_argument("--no-bots", action="store_true", help="do not start the demo's bots")

    check = add("check", _check, "say what is wrong with a configuration, by path in the file")
    check.add_argument("--config", type=Path, required=True)
    check.add_argument("--json", action="store_true", help="print one JSON object")

    rep = add("replay", _replay, "replay the journal, read-only, also while the venue runs")
    rep.add_argument("--data", type=Path, required=True)
    rep.add_argument("--at", type=int, metavar="N", help="stop after record N")
    rep.add_argument("--json", action="store_true", help="end with one JSON object")
    rep.add_argument("--records", action="store_true", help="print every record, one a line")

    res = add("restore", run_restore, "make a data folder from a mirror")
    res.add_argument("--from", dest="mirror", type=Path, required=True, help="the mirror")
    res.add_argument("--data", type=Path, required=True, help="the new data folder")
    res.add_argument("--skip", type=int, default=SKIP, metavar="N", help=SKIP_HELP)
    res.add_argument("--json", action="store_true", help="print one JSON object")

    doctor = add("doctor", run_doctor, "check this machine: Python, clock, disk, ports")
    doctor.add_argument("--config", type=Path, help="check the ports of this configuration")
    doctor.add_argument("--data", type=Path, default=Path(), help="measure this folder's disk")
    doctor.add_argument("--port-offset", type=int, default=0)
    doctor.add_argument("--json", action="store_true", help="print one JSON object")

    _add_compliance(add)
    add_screen_arguments(
        add("screen", run_screen, "look for a name or an address on sanctions lists")
    )
    add_watch_arguments(add("watch", run_watch, "show an instrument's market in the terminal"))
    _add_custody(add)

    cfg = add("cfg", _cfg, "print the QuickFIX configuration of a session")
    cfg.add_argument("--config", type=Path, required=True)
    cfg.add_argument("--session", required=True, metavar="COMPID")
    cfg.add_argument("--port-offset", type=int, default=0)
    cfg.add_argument("--json", action="store_true", help="print one JSON object")

    password = add("password", _password, "make a password_hash for the configuration")
    password.add_argument("--json", action="store_true", help="print one JSON object")

    token = add("token", _token, "make a token for a member's streams, and its token_hashes entry")
    token.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _add_compliance(add: Callable[[str, Act, str], argparse.ArgumentParser]) -> None:
    """Commands over the audit log and the journal that it is of."""
    add_receipt_arguments(
        add("receipt", run_receipt, "prove that an execution is in the audit log")
    )
    add_verify_arguments(add("verify", run_verify, "check the journal against what was signed"))
    add_evidence_arguments(
        add("evidence", run_evidence, "put all that an auditor needs into one file")
    )
    add_witness_arguments(add("witness", run_witness, "cosign a venue's checkpoints"))
    add_rotate_arguments(add("rotate-key", run_rotate, "replace the keys that sign the audit log"))
    add_alerts_arguments(add("alerts", run_alerts, "look for market abuse in the journal"))
    add_cases_arguments(add("cases", run_cases, "what people make of alerts"))
    add_export_arguments(add("export", run_export, "make records for regulators or members"))
    add_kyc_arguments(add("kyc", run_kyc, "who becomes a customer, and stays one"))
    add_hold_arguments(add("hold", run_hold, "what the venue holds accounts to"))
    add_travel_arguments(add("travel", run_travel, "who is behind addresses, and is told"))
    add_vault_arguments(add("vault", run_vault, "personal data, and who reads it"))


def _add_custody(add: Callable[[str, Act, str], argparse.ArgumentParser]) -> None:
    """Commands that ask custody, make what it needs, or read what it has written."""
    withdrawals.add_arguments(add("withdrawals", withdrawals.run_withdrawals, "what leaves"))
    addresses.add_arguments(add("addresses", addresses.run_addresses, "where coins are sent to"))
    deposits.add_arguments(add("deposits", deposits.run_deposits, "what has come"))
    alarms.add_arguments(add("alarms", alarms.run_alarms, "what waits for a person"))
    decisions.add_arguments(
        add("decisions", decisions.run_decisions, "what people decide on, withdrawals apart")
    )
    policy.add_arguments(add("policy", policy.run_policy, "what decides on what leaves"))
    approver.add_arguments(add("approver", approver.run_approver, "keys of those who approve"))
    keys.add_arguments(add("keys", keys.run_keys, "the venue's keys, and their addresses"))
    cold.add_arguments(add("cold", cold.run_cold, "coins from the cold wallet to one of ours"))
    warm.add_arguments(add("warm", warm.run_warm, "coins from the warm wallet to the hot one"))
    breaks.add_arguments(add("breaks", breaks.run_breaks, "what chain and books differ by"))
    reconcile.add_arguments(
        add("reconcile", reconcile.run_reconcile, "compare the ledger with engine and chain")
    )
    statements.add_arguments(
        add("statements", statements.run_statements, "what accounts had, what moved, who owes whom")
    )
    reserves.add_arguments(
        add("reserves", reserves.run_reserves, "prove to members that what they have was counted")
    )


# --- run --------------------------------------------------------------------------------------


def _run(args: argparse.Namespace) -> int:
    config = load_config(args.config)
    names = list(ALL_PROCESSES)
    if args.only:
        names = [name for name in ALL_PROCESSES if name in args.only.split(",")]
        unknown = set(args.only.split(",")) - set(ALL_PROCESSES)
        if unknown or not names:
            print(f"fixgate: no such process: {', '.join(sorted(unknown))}", file=sys.stderr)
            return 2
    if args.no_bots or not config.bots:
        names = [name for name in names if name != BOTS]
    if config.custody is None:
        names = [name for name in names if name not in (SIGNER, CUSTODY)]
    if config.compliance is None:
        names = [name for name in names if name != COMPLIANCE]
    if config.compliance is None or config.compliance.provider is None:
        names = [name for name in names if name != WEBHOOKS]
    names = _startable(names)
    refuse_as_data(args.data)
    child = ["--config", str(args.config), "--data", str(args.data)]
    child += ["--port-offset", str(args.port_offset)]
    if args.mirror is not None:
        names.insert(names.index(BOTS) if BOTS in names else len(names), MIRROR)
        child += ["--mirror", str(args.mirror.absolute())]
    intro = connect_text(config, args.port_offset, names)
    metrics = (config.venue.metrics_bind, port_of(config, "metrics", args.port_offset))
    core_first = config.venue.core_first
    supervisor = Supervisor(
        names, args.data.absolute(), child, intro, metrics, core_first=core_first
    )
    return supervisor.run()


EXTRAS: Final = {
    HISTORY: ("history", HISTORY_PACKAGE),
    SIGNER: ("custody", CUSTODY_PACKAGE),
    CUSTODY: ("custody", CUSTODY_PACKAGE),
    COMPLIANCE: ("compliance", COMPLIANCE_PACKAGE),
    WEBHOOKS: ("compliance", COMPLIANCE_PACKAGE),
}
"""By process, the extra that it needs, and a package that comes with it."""


def _startable(names: list[str]) -> list[str]:
    """Without the processes whose extra is not installed; says so. Raises OperatorError if nothing
    is left."""
    left = []
    for name in names:
        extra, package = EXTRAS.get(name, ("", ""))
        if not package or find_spec(package) is not None:
            left.append(name)
        else:
            text = f"it needs {package} (pip install 'fixgate[{extra}]')"
            print(f"fixgate: {name} is not started: {text}", file=sys.stderr)
    if not left:
        raise OperatorError("nothing is left to start: see above")
    return left


# --- check ------------------------------------------------------------------------------------


def _check(args: argparse.Namespace) -> int:
    try:
        config = load_config(args.config)
        commands = bootstrap_commands(config, ReferenceData())
        _check_files(config, args.config.parent)
    except FixgateError as error:
        if args.json:
            print(
                json.dumps({"ok": False, "path": getattr(error, "path", ""), "error": str(error)})
            )
            return 1
        raise
    summary = {
        "ok": True,
        "members": len(config.members),
        "instruments": len(config.instruments),
        "records": len(commands),
    }
    if args.json:
        print(json.dumps(summary))
    else:
        print(
            f"{args.config}: good: {summary['members']} members, {summary['instruments']}"
            f" instruments; a first start writes {summary['records']} records"
        )
    return 0


def _check_files(config: Config, folder: Path) -> None:
    """Read what compliance would refuse to start with. Raises OperatorError."""
    if config.compliance is not None:
        from gateway.surveillance.inputs import inputs_of

        inputs_of(config.compliance, folder)


# --- replay -----------------------------------------------------------------------------------


def _replay(args: argparse.Namespace) -> int:
    folder = args.data / "journal"
    if not folder.is_dir():
        raise OperatorError(f"there is no journal in {args.data}: name the folder of a venue")
    venue = Venue()
    progress = Progress()

    def passing() -> Iterator[Record]:
        for record in folder_records(folder, args.at):
            if args.records:
                print(record_json(record))
            progress.tell("replayed", record.number + 1)
            yield record

    try:
        result = replay(passing(), venue)
    finally:
        progress.close()
    venue.check()
    figures = {
        "records": result.records,
        "last": result.last,
        "time": result.time,
        "state_hash": venue.state_hash(),
        "open_orders": venue.open_orders(),
    }
    if args.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:12} {value}")
    return 0


# --- cfg and password -------------------------------------------------------------------------


def _cfg(args: argparse.Namespace) -> int:
    config: Config = load_config(args.config)
    text = quickfix_config(config, args.session, args.port_offset)
    print(json.dumps({"session": args.session, "cfg": text}) if args.json else text)
    return 0


def _password(args: argparse.Namespace) -> int:
    if sys.stdin.isatty():
        password = getpass.getpass("password: ")
        if getpass.getpass("again: ") != password:
            print("fixgate: the two differ", file=sys.stderr)
            return 1
    else:
        password = sys.stdin.readline().rstrip("\n")
    if len(password) < 12:
        print("fixgate: use at least 12 characters", file=sys.stderr)
        return 1
    hashed = ARGON2.hash(password)
    print(json.dumps({"password_hash": hashed}) if args.json else hashed)
    return 0


def _token(args: argparse.Namespace) -> int:
    """A token is shown once, here; the configuration keeps its hash alone."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    hashed = token_hash(token)
    if args.json:
        print(json.dumps({"token": token, "token_hash": hashed}))
    else:
        print(f"token (for the member, shown once): {token}")
        print(f"members[].token_hashes entry:       {hashed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
