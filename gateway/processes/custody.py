"""Custody: the ledger, deposits, withdrawals. On asyncio, for its library of the chain's sake."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from compliance.screening.wallets import Wallets
from compliance.travel.provider import provider_of
from custody.chains.calldata import parse_address
from custody.chains.endpoint import Endpoint
from custody.chains.evm import EvmNode, Traces
from custody.chains.node import Node
from custody.chains.quorum import Witnesses
from custody.control import Asked, Control
from custody.control_client import CONTROL_SOCKET
from custody.demo.anvil import STATE, AnvilChain, find_anvil
from custody.demo.approver import write_key
from custody.demo.chain import HOT_WEI, TANK_WEI, DemoChain, keep_mining
from custody.demo.recorded import RecordedChain
from custody.outgoing.sender import SignerAway
from custody.screening import ListScreening, Screening
from custody.service import Custody
from custody.settings import CustodySettings
from custody.signing.client import SignerLine
from custody.signing.requests import OwnWallets
from custody.signing.server import SIGNER_SOCKET
from custody.store.database import open_database
from custody.terms import FOLDER, database_url
from custody.venue_line import IngressLine
from engine.model.errors import OperatorError
from gateway.bootstrap import accounts_of
from gateway.children import announce_ready, announce_status
from gateway.processes.place import STATUS_SECONDS, Place
from gateway.screening.evidence import open_screenings
from gateway.screening.hook import SanctionsScreening
from gateway.screening.lists import Lists
from gateway.travel.books import open_books
from gateway.travel.hook import TravelScreening

WEI: Final = 10**10
"""Of the demo's ETH, in one of its smallest units at the venue."""

SIGNER_WAIT: Final = timedelta(milliseconds=100)
"""Between two questions to a signer that is not there yet."""

PATIENT_TRIES: Final = 30
"""Questions to the signer, which starts at the same time, before anybody is told."""

NODE_TIMEOUT_MS: Final = 8_000
"""Longest wait for one answer of a node."""


async def run_custody(place: Place, stop: asyncio.Event) -> None:
    """Until `stop`. The venue trades without custody: one that cannot go on says why, and is
    started again."""
    try:
        await _run_custody(place, stop)
    except* OperatorError:
        announce_ready()  # nobody else waits for what a person has to mend
        raise
    except* DBAPIError as group:
        announce_ready()
        raise OperatorError(f"the database fails: {_first_words(group)}") from None


def _first_words(group: BaseExceptionGroup[DBAPIError]) -> str:
    """What a driver says, without the statement and what was in it."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, DBAPIError)
    return str(error.orig).partition("\n")[0]


async def _run_custody(place: Place, stop: asyncio.Event) -> None:
    settings, terms = place.custody()
    folder = place.data / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wallets, signer = await _signer(place, stop)
    if stop.is_set():
        return
    place.log(f"the hot wallet is {wallets.hot}, the gas tank {wallets.gas_tank}")
    if wallets.warm:
        place.log(f"the warm wallet is {wallets.warm}")
    database = open_database(database_url(settings, place.data))
    async with _chain(place, settings, folder, wallets) as (nodes, demo):
        custody = Custody(
            terms, wallets, place.journal, database,
            Witnesses(nodes, min(settings.chain.needed, len(nodes)), place.log), signer,
            IngressLine(place.ingress, place.log), _screening(place, settings, wallets.hot),
            parse_address, place.clock, place.log,
        )  # fmt: skip
        poll = timedelta(milliseconds=settings.chain.poll_ms)
        try:
            await _serve(place, settings, custody, demo, poll, stop)
        finally:
            custody.close()
            database.dispose()
            signer.close()


def _screening(place: Place, settings: CustodySettings, hot: str) -> Screening:
    """What is asked before money moves, each only of what those before it have cleared: sanctions
    lists, custody's own, and whether the travel rule has what it wants."""
    asked: Screening = ListScreening(settings.forbidden)
    compliance = place.config.compliance
    if compliance is None:
        return asked
    if compliance.screening is not None:
        lists = Lists(place.config_folder, compliance.screening, Wallets)
        asked = SanctionsScreening(
            lists, lambda: open_screenings(place.data), place.clock, place.log, asked
        )
    if compliance.travel_rule is not None:
        members = {a.name: m.name for m in place.config.members for a in accounts_of(m)}
        us = provider_of(compliance.travel_rule)
        asked = TravelScreening(
            us, lambda: open_books(place.data), members, hot, place.clock, place.log, asked
        )
    return asked


async def _serve(
    place: Place,
    settings: CustodySettings,
    custody: Custody,
    demo: DemoChain | None,
    poll: timedelta,
    stop: asyncio.Event,
) -> None:
    path = place.data / "run" / CONTROL_SOCKET
    control = Control(
        path,
        custody.desk,
        custody.status,
        place.log,
        custody.poke,
        _operations(custody.wallets, demo),
    )
    async with asyncio.TaskGroup() as group:
        helpers = [group.create_task(control.serve()), group.create_task(_tell(custody))]
        if demo is not None:
            helpers.append(
                group.create_task(
                    keep_mining(demo, timedelta(milliseconds=settings.chain.block_ms))
                )
            )
        announce_ready()
        await custody.run(stop, poll)
        for task in helpers:
            task.cancel()


async def _signer(place: Place, stop: asyncio.Event) -> tuple[OwnWallets, SignerLine]:
    """The signer, as soon as it answers: without its wallets there is nothing to watch. The venue
    does not wait with it."""
    line = SignerLine(place.data / "run" / SIGNER_SOCKET)
    for tries in count(1):
        try:
            return await line.wallets(), line
        except SignerAway as error:
            if tries == PATIENT_TRIES:
                place.log(f"waits for the signer: {error}")
                announce_ready()
        try:
            async with asyncio.timeout(SIGNER_WAIT.total_seconds()):
                await stop.wait()
        except TimeoutError:
            continue
        break
    return OwnWallets("", "", "", ""), line


@asynccontextmanager
async def _chain(
    place: Place, settings: CustodySettings, folder: Path, wallets: OwnWallets
) -> AsyncIterator[tuple[list[Node], DemoChain | None]]:
    """Who tells of the chain; and the chain itself, if it is a demo's."""
    chain = settings.chain
    if chain.kind == "evm":
        nodes = [
            EvmNode(
                Endpoint(endpoint.url, endpoint.name, endpoint.per_second, NODE_TIMEOUT_MS),
                chain.id,
                Traces(endpoint.traces),
            )
            for endpoint in chain.endpoints
        ]
        try:
            yield list(nodes), None
        finally:
            for node in nodes:
                await node.close()
        return
    demo = _demo_chain(place, settings, folder)
    place.log(f"the demo's chain is {demo.name}; its approver's key is {write_key(folder)}")
    try:
        await demo.begin({wallets.hot: HOT_WEI, wallets.gas_tank: TANK_WEI})
        yield list(demo.nodes), demo
    finally:
        await demo.close()


def _demo_chain(place: Place, settings: CustodySettings, folder: Path) -> DemoChain:
    """Whichever it was before, for a chain has one past; at first anvil where there is one."""
    recorded = folder / "chain.jsonl"
    program = find_anvil() if settings.chain.kind == "demo" else None
    if program is None and (folder / STATE).exists():
        raise OperatorError(
            f"the chain of {place.data} is anvil's, which is not installed any more: install it, or"
            " start with another --data"
        )
    if program is None or recorded.exists():
        return RecordedChain(recorded, place.clock)
    return AnvilChain(program, settings.chain.id, folder)


def _operations(
    wallets: OwnWallets, demo: DemoChain | None
) -> dict[str, Callable[[Asked], Awaitable[object]]]:
    """What is asked of a process rather than of its desk. `demo_pay`: somebody outside pays, amount
    in the venue's units."""

    async def own(_: Asked) -> dict[str, str]:
        return {
            "hot": wallets.hot,
            "warm": wallets.warm,
            "cold": wallets.cold,
            "gas_tank": wallets.gas_tank,
        }

    if demo is None:
        return {"wallets": own}

    async def pay(asked: Asked) -> dict[str, str]:
        return {"tx": "0x" + (await demo.pay(asked.destination, asked.amount * WEI)).hex()}

    return {"wallets": own, "demo_pay": pay}


async def _tell(custody: Custody) -> None:
    """How custody does, for the supervisor."""
    while True:
        figures = custody.status()
        announce_status({}, {f"fixgate_custody_{name}": said for name, said in figures.items()})
        await asyncio.sleep(STATUS_SECONDS)
