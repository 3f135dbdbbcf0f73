"""Compliance: the audit log of the journal."""

import os
from pathlib import Path
from typing import Final

import trio

from compliance.audit.builder import open_log
from compliance.audit.key_file import LogKeys, make_keys, read_keys
from engine.model.errors import OperatorError
from gateway.audit.service import AuditService
from gateway.children import announce_ready, announce_status
from gateway.processes.place import STATUS_SECONDS, Place

COMPLIANCE_NICE: Final = 10
"""Added to the process's nice value: it signs what has happened already."""

KEY_NAME: Final = "log.key"
VERIFIERS_NAME: Final = "vkeys"


async def run_compliance(place: Place, stop: trio.Event) -> None:
    """Keep the audit log until `stop`, at a low priority. The venue trades without it: a log that
    cannot go on says why, and is tried again."""
    os.nice(COMPLIANCE_NICE)
    announce_ready()
    folder = place.data / "compliance"
    keys = _keys(place, folder)
    text = "".join(f"{key.text}\n" for key in keys.verifiers)
    (folder / VERIFIERS_NAME).write_text(text, "utf-8")
    place.log(f"the audit log is {keys.origin}; its public keys are in {folder / VERIFIERS_NAME}")
    service = AuditService(
        lambda: open_log(place.journal, place.data / "audit", keys, place.clock, place.log),
        place.log,
    )
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_compliance_status, service)
            await service.run(stop)
            nursery.cancel_scope.cancel()
    finally:
        service.close()


def _keys(place: Place, folder: Path) -> LogKeys:
    """The log's keys: those that the configuration names, else the data folder's own."""
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


async def _compliance_status(service: AuditService) -> None:
    while True:
        await trio.sleep(STATUS_SECONDS)
        builder = service.builder
        if builder is not None:
            published, behind = builder.published, builder.behind
            announce_status(
                {"records signed": published, "records behind": behind, "trouble": service.trouble},
                {
                    "fixgate_audit_published_records": published,
                    "fixgate_audit_behind_records": behind,
                    "fixgate_audit_in_trouble": int(bool(service.trouble)),
                },
            )
