"""Custody's commands, typed."""

import argparse

from gateway.custody_commands import (
    addresses,
    alarms,
    approver,
    breaks,
    decisions,
    deposits,
    policy,
    warm,
    withdrawals,
)

COMMANDS = {
    "withdrawals": (withdrawals.add_arguments, withdrawals.run_withdrawals),
    "addresses": (addresses.add_arguments, addresses.run_addresses),
    "alarms": (alarms.add_arguments, alarms.run_alarms),
    "breaks": (breaks.add_arguments, breaks.run_breaks),
    "deposits": (deposits.add_arguments, deposits.run_deposits),
    "decisions": (decisions.add_arguments, decisions.run_decisions),
    "warm": (warm.add_arguments, warm.run_warm),
    "policy": (policy.add_arguments, policy.run_policy),
    "approver": (approver.add_arguments, approver.run_approver),
}


def fixgate(*argv):
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    for name, (add, run) in COMMANDS.items():
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        add(command)
    args = parser.parse_args([str(word) for word in argv])
    return args.run(args)
