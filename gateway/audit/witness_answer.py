"""What `fixgate witness` does, once all that signs is loaded."""

import argparse
import json
import os
import signal
import sys

import trio

from compliance.audit.errors import AuditRefused
from compliance.audit.key_file import make_keys, read_signers
from compliance.audit.keys import COSIGNER_ED25519, COSIGNER_ML_DSA_44, ED25519, VerifierKey
from engine.model.errors import OperatorError
from gateway.audit.key_texts import verifier_keys
from gateway.audit.witness_server import LastCosigned, WitnessPages, witness_server
from gateway.flow.listener import listen_or_explain
from gateway.flow.system_clock import SystemClock, silent

WITNESS_KINDS = (COSIGNER_ED25519, COSIGNER_ML_DSA_44)


def make_key(args: argparse.Namespace) -> int:
    """New keys, which are not there yet, and what others need to know of them."""
    if args.key.exists():
        raise OperatorError(f"{args.key} is there already: a witness keeps its keys")
    try:
        make_keys(args.key, args.new, os.urandom, kinds=WITNESS_KINDS)
    except OSError as error:
        raise OperatorError(f"cannot write {args.key}: {error.strerror}") from None
    texts = [signer.verifier.text for signer in read_signers(args.key)]
    print(json.dumps({"vkeys": texts}) if args.json else "\n".join(texts))
    return 0


def serve(args: argparse.Namespace) -> int:
    """Until SIGTERM or SIGINT."""
    signers = read_signers(args.key)
    if any(signer.verifier.kind not in WITNESS_KINDS for signer in signers):
        raise OperatorError(f"{args.key} has a log's keys: make a witness's with --new NAME")
    logs: dict[str, list[VerifierKey]] = {}
    for key in verifier_keys(args.log):
        logs.setdefault(key.name, []).append(key)
    for name, keys in logs.items():
        if all(key.kind not in (ED25519, COSIGNER_ML_DSA_44) for key in keys):
            raise AuditRefused(f"these keys of {name} sign no checkpoints")
    try:
        last = LastCosigned(args.state)
    except OSError as error:
        raise OperatorError(f"cannot use {args.state}: {error.strerror}") from None
    pages = WitnessPages(last, logs, signers, SystemClock(silent), _say)
    listener = listen_or_explain(args.bind, args.port)
    texts = [signer.verifier.text for signer in signers]
    url = f"http://{args.bind}:{listener.getsockname()[1]}"
    told = {"url": url, "vkeys": texts, "logs": sorted(logs)}
    print(
        json.dumps(told) if args.json else f"fixgate witness ready at {url} for {', '.join(logs)}"
    )
    sys.stdout.flush()

    async def until_stopped() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(witness_server(pages).serve, listener)
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                async for _ in signals:
                    break
            nursery.cancel_scope.cancel()

    trio.run(until_stopped)
    last.close()
    return 0


def _say(text: str) -> None:
    print(f"witness: {text}", file=sys.stderr, flush=True)
