"""What is kept and what is published of the trees of one moment.

The secret document can make every proof again: it has the balances and the chance, and is read by
nobody else. The public one has the heads, and what the chain has at the venue's addresses.
"""

import os
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from custody.reconciling.report import ChainLook
from custody.reserves.liabilities import Liabilities
from custody.reserves.tree import Moment, SumTree, head_fields
from engine.model.errors import OperatorError

FORMAT: Final = "fixgate-reserves-secret-1"

MAX_DOCUMENT: Final = 512 * 1024 * 1024
"""Largest secret document, bytes: a million accounts of three assets."""


class Secret(Struct, frozen=True):
    """balances: by asset and account, units of the ledger as text. chance: hex."""

    format: str
    chance: str
    moment: Moment
    decimals: dict[str, int]
    balances: dict[str, dict[str, str]]

    def tree(self, asset: str) -> SumTree:
        """The tree of an asset. Raises OperatorError and ReservesRefused."""
        balances = self.balances.get(asset)
        if balances is None:
            raise OperatorError(
                f"no tree of {asset}; these are: {', '.join(sorted(self.balances))}"
            )
        return SumTree(
            asset, self.decimals[asset], self.moment,
            {account: int(balance) for account, balance in balances.items()},
            bytes.fromhex(self.chance),
        )  # fmt: skip


def make_secret(liabilities: Liabilities, chance: bytes) -> Secret:
    """What a moment's trees are made of. Assets that nobody has ever had have none."""
    balances = {
        asset: {account: str(balance) for account, balance in sorted(there.items())}
        for asset, there in sorted(liabilities.balances.items())
        if there
    }
    decimals = {asset: liabilities.decimals[asset] for asset in balances}
    return Secret(FORMAT, chance.hex(), liabilities.moment, decimals, balances)


def public_document(secret: Secret, look: ChainLook | None) -> dict[str, Any]:
    """Heads, and the chain's side at the block of the last look, which may be of another moment."""
    heads = [head_fields(secret.tree(asset).head) for asset in secret.balances]
    chain: dict[str, Any] | None = None
    if look is not None:
        chain = {
            "block": look.block,
            "hash": look.hash,
            "time": look.time,
            "seq": look.seq,
            "holdings": msgspec.to_builtins(look.holdings),
            "assets": {
                asset.code: {"on_chain": asset.on_chain, "shortfall": asset.shortfall}
                for asset in look.assets
            },
        }
    return {"heads": heads, "chain": chain}


def write_secret(path: Path, secret: Secret) -> None:
    """Into a new file that nobody else may read. Raises OperatorError."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(msgspec.json.encode(secret))
    except FileExistsError:
        raise OperatorError(f"{path} is there already: a tree that was published is kept") from None
    except OSError as error:
        raise OperatorError(f"cannot write {path}: {error.strerror}") from None


def read_secret(path: Path) -> Secret:
    """Raises OperatorError."""
    try:
        if path.stat().st_size > MAX_DOCUMENT:
            raise OperatorError(f"{path} is too large to be a tree of this venue")
        secret = _decode(path.read_bytes())
        if secret.format != FORMAT:
            raise OperatorError(f"{path} is not what `fixgate reserves tree --out` writes")
        bytes.fromhex(secret.chance)
        for there in secret.balances.values():
            for balance in there.values():
                int(balance)
    except OSError as error:
        raise OperatorError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, msgspec.DecodeError) as error:
        text = f"{path} is not what `fixgate reserves tree --out` writes ({error})"
        raise OperatorError(text) from None
    return secret


_decode = msgspec.json.Decoder(Secret).decode
