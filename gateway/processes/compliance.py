"""Compliance: the audit log of the journal, and surveillance of it."""

import os
import socket
from functools import partial
from pathlib import Path
from typing import Final

import trio

from compliance.audit.builder import LogBuilder, open_log
from compliance.audit.errors import AuditRefused
from compliance.audit.key_file import LogKeys, make_keys, read_keys
from compliance.audit.keys import parse_verifier
from engine.model.errors import OperatorError
from gateway.audit.cosigning import Cosigning, WitnessLine
from gateway.audit.pages import log_server
from gateway.children import announce_ready, announce_status
from gateway.figure import Figure
from gateway.processes.place import STATUS_SECONDS, Place
from gateway.surveillance.following import Surveillance
from gateway.surveillance.inputs import inputs_of
from gateway.turn_service import TurnService, first_record

COMPLIANCE_NICE: Final = 10
"""Added to the process's nice value: it signs what has happened already."""

KEY_NAME: Final = "log.key"
VERIFIERS_NAME: Final = "vkeys"


async def run_compliance(place: Place, stop: trio.Event) -> None:
    """Keep the audit log and look for abuse until `stop`, at a low priority. The venue trades
    without both, and each goes on without the other; what cannot go on says why."""
    os.nice(COMPLIANCE_NICE)
    announce_ready()
    folder = place.data / "compliance"
    keys = _keys(place, folder)
    place.log(f"the audit log is {keys.origin}; its public keys are in {folder / VERIFIERS_NAME}")
    audit = TurnService(
        "the audit log",
        partial(_open_log, place, folder),
        place.log,
    )
    watch = _watch(place, folder)
    listener = _listener(place)
    cosigning = _cosigning(place)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_compliance_status, audit, watch)
            if listener is not None:
                nursery.start_soon(log_server(place.data / "audit").serve, listener)
            async with trio.open_nursery() as work:
                work.start_soon(audit.run, stop)
                work.start_soon(_look_for_abuse, place, watch, stop)
                if cosigning is not None:
                    work.start_soon(cosigning.run, stop)
            nursery.cancel_scope.cancel()
    finally:
        audit.close()
        watch.close()


def _listener(place: Place) -> socket.socket | None:
    """Where the log is served over HTTP, if it is. Raises OperatorError."""
    settings = place.config.compliance
    assert settings is not None
    if settings.http_bind is None:
        return None
    return place.listen_at(settings.http_bind, place.config.venue.ports.audit)


def _cosigning(place: Place) -> TurnService[Cosigning] | None:
    """What witnesses are asked, if there are any. Raises OperatorError for what is no key."""
    settings = place.config.compliance
    assert settings is not None
    try:
        witnesses = [
            WitnessLine(found.url, tuple(map(parse_verifier, found.keys)))
            for found in settings.witnesses
        ]
    except AuditRefused as error:
        raise OperatorError(f"compliance.witnesses: {error}") from None
    if not witnesses:
        return None
    folder = place.data / "audit"
    return TurnService(
        "the cosigned checkpoint", lambda: Cosigning(folder, witnesses, place.log), place.log
    )


def _watch(place: Place, folder: Path) -> TurnService[Surveillance]:
    """Surveillance, under all that the configuration names. Raises OperatorError if it cannot be
    read: a venue does not go on under other rules than it was told."""
    settings = place.config.compliance
    assert settings is not None
    inputs = inputs_of(settings, place.config_folder)
    return TurnService(
        "surveillance",
        lambda: Surveillance(place.journal, folder, inputs, place.clock, place.log),
        place.log,
    )


async def _look_for_abuse(place: Place, watch: TurnService[Surveillance], stop: trio.Event) -> None:
    """Run surveillance from the first record on. What it cannot go on from is its own end alone."""
    await first_record(place.journal, stop)
    try:
        await watch.run(stop)
        if watch.worker is not None:
            await trio.to_thread.run_sync(watch.worker.save)
    except (OperatorError, OSError) as error:
        watch.trouble = str(error)
        place.log(f"surveillance stands still until the next start: {error}")


def _open_log(place: Place, folder: Path) -> LogBuilder:
    return open_log(
        place.journal, place.data / "audit", lambda: _keys(place, folder), place.clock, place.log
    )


def _keys(place: Place, folder: Path) -> LogKeys:
    """The log's keys as they are now; the public ones are written down for members."""
    keys = _read_keys(place, folder)
    text = "".join(f"{key.line}\n" for key in keys.verifiers)
    (folder / VERIFIERS_NAME).write_text(text, "utf-8")
    return keys


def _read_keys(place: Place, folder: Path) -> LogKeys:
    """Those that the configuration names, else the data folder's own."""
    settings = place.config.compliance
    assert settings is not None, "compliance is started with its part of the configuration alone"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.key_file is not None:
        return read_keys(place.config_folder / settings.key_file, settings.origin)
    path = folder / KEY_NAME
    if not path.exists():
        try:
            make_keys(path, settings.origin, os.urandom)
        except OSError as error:
            raise OperatorError(f"cannot make the audit log's keys: {error}") from error
        place.log(f"made the audit log's keys: {path}")
    return read_keys(path, settings.origin)


async def _compliance_status(
    audit: TurnService[LogBuilder], watch: TurnService[Surveillance]
) -> None:
    while True:
        await trio.sleep(STATUS_SECONDS)
        shown: dict[str, int | str] = {}
        metrics: dict[str, Figure] = {}
        if (builder := audit.worker) is not None:
            published, behind = builder.published, builder.behind
            shown |= {"records signed": published, "records behind": behind}
            shown["trouble"] = audit.trouble or watch.trouble
            metrics |= {
                "fixgate_audit_published_records": published,
                "fixgate_audit_behind_records": behind,
                "fixgate_audit_in_trouble": int(bool(audit.trouble)),
            }
        if (worker := watch.worker) is not None:
            opened = worker.desk.open_cases
            shown["open cases"] = opened
            metrics |= {
                "fixgate_surveillance_behind_records": worker.behind,
                "fixgate_surveillance_open_cases": opened,
                "fixgate_surveillance_in_trouble": int(bool(watch.trouble)),
            }
        if shown:
            announce_status(shown, metrics)
