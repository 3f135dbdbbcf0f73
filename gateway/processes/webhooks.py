"""Webhooks: what a firm answers about names, taken over HTTP.

It is a process of its own, since strangers reach it: whoever floods it holds up neither the audit
log nor surveillance, and it has none of their keys.
"""

import os
from typing import Final

import trio

from engine.model.errors import OperatorError
from gateway.children import announce_ready, announce_status
from gateway.flow.log_limit import STRANGER_LINES, LimitedLog
from gateway.onboarding.hits_applied import HitsApplied
from gateway.onboarding.question_book import questions_at, read_secrets
from gateway.onboarding.webhook_pages import WebhookPages, webhook_server
from gateway.processes.place import STATUS_SECONDS, Place
from gateway.turn_service import TurnService, first_record

WEBHOOKS_NICE: Final = 10
"""Added to the process's nice value: who trades comes first."""


async def run_webhooks(place: Place, stop: trio.Event) -> None:
    """Take answers, and tell onboarding of hits, until `stop`. Raises OperatorError."""
    os.nice(WEBHOOKS_NICE)
    settings = place.config.compliance
    assert settings is not None, "webhooks is started with its part of the configuration alone"
    firm = settings.provider
    assert firm is not None
    secrets = read_secrets(place.config_folder, firm)
    listener = place.listen_at(firm.bind, place.config.venue.ports.webhooks)
    log = LimitedLog(place.log, place.clock.monotonic, STRANGER_LINES)
    pages = WebhookPages(firm.name, secrets, lambda: questions_at(place.data), place.clock, log)
    hits = TurnService(
        "what hits of a provider came to",
        lambda: HitsApplied(place.data, place.clock, place.log),
        place.log,
    )
    announce_ready()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(webhook_server(pages, place.clock.monotonic).serve, listener)
        nursery.start_soon(_status, hits, log)
        await _apply(place, hits, stop)
        nursery.cancel_scope.cancel()


async def _apply(place: Place, hits: TurnService[HitsApplied], stop: trio.Event) -> None:
    """Tell onboarding of hits until `stop`. What that cannot go on from is its own end alone:
    answers are taken all the same, and are told at the next start."""
    await first_record(place.journal, stop)
    try:
        await hits.run(stop)
    except (OperatorError, OSError) as error:
        hits.trouble = str(error)
        place.log(f"ALARM: hits suspend nobody until the next start: {error}")
        await stop.wait()


async def _status(hits: TurnService[HitsApplied], log: LimitedLog) -> None:
    while True:
        await trio.sleep(STATUS_SECONDS)
        log.tick()
        if hits.worker is not None:
            trouble = hits.trouble or hits.worker.trouble
            announce_status(
                {"trouble": trouble},
                {
                    "fixgate_provider_waiting_questions": hits.worker.waiting,
                    "fixgate_provider_in_trouble": int(bool(trouble)),
                },
            )
