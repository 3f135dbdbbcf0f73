"""What the commands of `fixgate cold` are made of: files, keys, a node, words for people."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from eth_hash.auto import keccak

from custody.chains.calldata import checksummed, parse_address
from custody.chains.endpoint import Endpoint
from custody.chains.evm import EvmNode
from custody.chains.node import Call, CallFails
from custody.outgoing.fees import first_offer
from custody.settings import CustodySettings
from custody.signing.file_key import FileKey
from custody.signing.hsm import HsmPair
from custody.signing.keys import Key
from custody.signing.opening import open_token
from custody.signing.token import HsmToken
from custody.signing.transactions import Unsigned, digest_of, encode
from custody.terms import GWEI
from custody.wallets.proposal import Known, Proposal, check, read_proposal
from custody.wallets.proposal import digest_of as safe_digest
from custody.wallets.safe import SafeRefused, SafeTx, doubt, executed
from custody.wallets.safe_node import SafeNode, SafeState
from engine.model.errors import OperatorError
from gateway.flow.system_clock import SystemClock, silent

T = TypeVar("T")

PER_SECOND: Final = 20
TIMEOUT_MS: Final = 10_000
"""Of one question to the node."""

SPARE_GAS: Final = 5
"""A call is given one fifth more gas than the node says it takes."""


# --- what is known -----------------------------------------------------------------------------


def known_of(settings: CustodySettings, hot: str | None, warm: str | None) -> Known:
    """What a reader knows of the configuration, and of the wallet that is paid: one of the two.
    Raises AddressMalformed, and OperatorError if there is no such wallet."""
    if warm is not None and not settings.warm:
        raise OperatorError("the configuration names no warm wallet: custody.warm")
    paid = hot if warm is None else warm
    assert paid is not None
    return Known(
        settings.chain.id,
        settings.cold,
        parse_address(paid),
        {asset.code: asset.token for asset in settings.assets},
        {asset.code: asset.decimals for asset in settings.assets},
        wallet="hot" if warm is None else "warm",
    )


def checked(path: Path, known: Known) -> tuple[Proposal, SafeTx]:
    """A proposal in which everything is as it has to be. Raises SafeRefused, OperatorError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from None
    proposal = read_proposal(text)
    return proposal, check(proposal, known)


def owner_key(settings: CustodySettings, folder: Path, path: Path | None, label: str | None) -> Key:
    """An owner's key: in a file, or in the configuration's HSM. Raises OperatorError."""
    if path is not None:
        return FileKey(path)
    assert label is not None
    return HsmPair(_token(settings, folder), label)


def make_pair(settings: CustodySettings, folder: Path, label: str) -> bool:
    """Make an owner's key pair in the HSM; False if it is there. Raises KeysGone."""
    token = _token(settings, folder)
    try:
        return token.make_pair(label)
    finally:
        token.close()


def _token(settings: CustodySettings, folder: Path) -> HsmToken:
    if settings.hsm is None:
        raise OperatorError("the configuration has no custody.hsm: give --key FILE")
    return open_token(settings.hsm, folder, SystemClock(), silent)


# --- files -------------------------------------------------------------------------------------


def write_new(path: Path, text: bytes) -> None:
    """Raises OperatorError if there is a file already: somebody may have signed it."""
    try:
        with path.open("xb") as file:
            file.write(text)
    except FileExistsError:
        raise OperatorError(f"{path} is there already: name another file") from None
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}") from None


def write_over(path: Path, text: bytes) -> None:
    """The old content or the new one is there, never a part."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


# --- the node ----------------------------------------------------------------------------------


def ask(settings: CustodySettings, node: str, question: Callable[[SafeNode], Awaitable[T]]) -> T:
    """The answer of a node of the configuration, or of one by its URL. Raises NodeFailed."""
    urls = {endpoint.name: endpoint.url for endpoint in settings.chain.endpoints}

    async def run() -> T:
        endpoint = Endpoint(urls.get(node, node), "the node", PER_SECOND, TIMEOUT_MS)
        safe = SafeNode(endpoint, EvmNode(endpoint, settings.chain.id), settings.cold)
        try:
            return await question(safe)
        finally:
            await safe.close()

    return asyncio.run(run())


def warnings(state: SafeState, known: Known) -> list[str]:
    """What an owner has to know of the Safe before anything else."""
    found = [
        f"module {shown(module)} moves the Safe's coins without any signature"
        for module in state.modules
    ]
    if state.guard:
        found.append(f"guard {shown(state.guard)} has a say in every transaction of the Safe")
    if known.hot in state.owners:
        found.append(
            f"the {known.wallet} wallet is an owner of the Safe: a thief of one is half way there"
        )
    return found


def doubt_of(settings: CustodySettings, node: str, proposal: Proposal, tx: str) -> str:
    """Why a transaction did not do what was proposed; empty if it did."""
    try:
        name = bytes.fromhex(tx.removeprefix("0x"))
    except ValueError:
        name = b""
    if len(name) != 32:
        raise OperatorError("--tx is the hash of a transaction: 0x and 64 hex digits")
    found = ask(settings, node, lambda safe: safe.outcome(name, proposal.token, proposal.hot))
    if found is None:
        return "it is in no block yet"
    if not found.succeeded:
        return "the transaction was reverted: nothing has moved"
    said = executed(found.events, proposal.safe, safe_digest(proposal))
    if said is None:
        return "that transaction executed something else: the Safe does not name this hash"
    if not said:
        return "the Safe says that it failed"
    return doubt(found.change, int(proposal.atomic))


def send(
    settings: CustodySettings, node: str, proposal: Proposal, data: bytes, key_file: Path
) -> bytes:
    """Have the Safe called by a key that pays for the gas; the transaction's hash. Sending it once
    more does no harm: the Safe's nonce is used once. Raises SafeRefused if it would fail."""
    key = FileKey(key_file)
    if key.address() == proposal.hot:
        raise SafeRefused(
            f"the {proposal.wallet} wallet's nonces are custody's: another key has to pay the gas"
        )

    async def call(safe: SafeNode) -> bytes:
        evm = safe.node
        try:
            gas = await evm.gas(Call(key.address(), proposal.safe, 0, data))
        except CallFails as error:
            raise SafeRefused(f"it would fail, and was not sent: {error}") from None
        nonce = await evm.nonce(key.address())
        offer = first_offer(await evm.fees(), settings.chain.max_fee_gwei * GWEI)
        assert nonce is not None
        tx = Unsigned(
            settings.chain.id, nonce, proposal.safe, 0, data, gas + gas // SPARE_GAS,
            offer.max_fee, offer.tip,
        )  # fmt: skip
        raw = encode(tx, *key.sign(digest_of(tx)))
        await evm.broadcast(raw)
        return bytes(keccak(raw))

    return ask(settings, node, call)


# --- words -------------------------------------------------------------------------------------


def shown(address: str) -> str:
    """An address with its checksum, as people compare it."""
    return checksummed(address)


def words(proposal: Proposal) -> str:
    """All that an owner has to see."""
    signed = [shown(each.owner) for each in proposal.signatures]
    waiting = max(proposal.threshold - len(signed), 0)
    call = f"transfer of token {shown(proposal.token)}" if proposal.token else "none: coins alone"
    lines = [
        f"  pays       {proposal.amount} {proposal.asset} ({proposal.atomic} smallest units)",
        f"  to         {shown(proposal.hot)}, the {proposal.wallet} wallet",
        f"  from       {shown(proposal.safe)}, a Safe of {proposal.threshold} of"
        f" {len(proposal.owners)} owners, on chain {proposal.chain}",
        f"  nonce      {proposal.transaction.nonce}",
        f"  call       {call}; no delegatecall, no refund of gas",
        f"  hash       {proposal.hash}",
        f"  signed by  {', '.join(signed) or 'nobody'}",
        f"  missing    {waiting or 'nobody: it can be executed'}",
    ]
    return "\n".join(lines)


def agreed(question: str) -> bool:
    """Whether a person at the terminal types yes; nobody there has not."""
    try:
        return input(question) == "yes"
    except EOFError:
        return False


def plain(proposal: Proposal) -> dict[str, Any]:
    """The proposal as JSON shows it."""
    shown_as: dict[str, Any] = msgspec.to_builtins(proposal)
    return shown_as
