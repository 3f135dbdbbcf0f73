"""The part `custody` of the venue's configuration. Its shape: custody.terms says what it means."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from custody.policy.policy import AN_ADDRESS, Address, Amount, Name, Policy

MAX_ENDPOINTS: Final = 8
"""Nodes that are asked: each answer costs every question."""

MAX_ASSETS: Final = 200

Label = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._-]{1,32}\Z", description="1 to 32 of A-Z a-z 0-9 . _ -")
]
"""Of a token or of a key: PKCS#11 has 32 bytes for a token's."""

MaybeAddress = Annotated[str, Meta(pattern=r"^(0x[0-9a-f]{40})?\Z", description=AN_ADDRESS)]
"""An address, or empty."""

Url = Annotated[
    str, Meta(pattern=r"^https?://\S{1,500}\Z", description="an address of http:// or https://")
]


class _Strict(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping in the file: a key that is not listed is an error."""


class EndpointSettings(_Strict, frozen=True):
    """A node. url: may hold a key, and is shown nowhere. traces: how it tells what contracts pay,
    see custody.chains.evm.Traces."""

    name: Name
    url: Url
    per_second: Annotated[int, Meta(ge=1, le=10_000)] = 20
    traces: Literal["none", "debug", "flat"] = "none"

    def __repr__(self) -> str:  # type: ignore[explicit-override] # typing has it from 3.12
        return f"EndpointSettings({self.name})"


class ChainSettings(_Strict, frozen=True):
    """An EVM chain. kind `demo` needs no node: custody starts one of its own where anvil is
    installed, and has the chain in its own process otherwise; `simulated` always does the latter.

    needed: how many nodes have to agree. final_tag: whose blocks are final. max_fee_gwei: the most
    that is offered for a unit of gas. block_ms: between two blocks of a demo's chain.
    """

    id: Annotated[int, Meta(ge=1, le=2**53)]
    kind: Literal["evm", "demo", "simulated"] = "evm"
    endpoints: Annotated[tuple[EndpointSettings, ...], Meta(max_length=MAX_ENDPOINTS)] = ()
    needed: Annotated[int, Meta(ge=1, le=MAX_ENDPOINTS)] = 2
    poll_ms: Annotated[int, Meta(ge=10, le=60_000)] = 250
    max_fee_gwei: Annotated[int, Meta(ge=1, le=100_000)] = 500
    block_ms: Annotated[int, Meta(ge=1, le=60_000)] = 1_000


class AssetSettings(_Strict, frozen=True):
    """An asset on the chain. token: the contract's address, empty for the chain's own coin. Amounts
    in the asset's unit. hot_most: when the hot wallet has more than this, all over hot_keep goes to
    the warm one, or to the cold one if there is none; 0: never. warm_most, warm_keep: the same of
    the warm wallet, and the cold one."""

    code: Name
    token: MaybeAddress = ""
    decimals: Annotated[int, Meta(ge=0, le=18)] = 18
    min_deposit: Amount = "0"
    min_withdrawal: Amount = "0"
    withdrawal_fee: Amount = "0"
    sweep_above: Amount = "0"
    hot_most: Amount = "0"
    hot_keep: Amount = "0"
    warm_most: Amount = "0"
    warm_keep: Amount = "0"


class KeystoreSettings(_Strict, frozen=True):
    """Files of the signer: the sealed seed, and its password. Relative ones are beside the
    configuration."""

    file: str
    password_file: str


class HsmSettings(_Strict, frozen=True):
    """A token of an HSM. library: its PKCS#11 library. pin_file: as password_file. The labels are
    of the keys in it, which `fixgate keys create` makes: a pair for each wallet (warm_label only
    with custody.warm), and what seals the keystore."""

    library: str
    token: Label
    pin_file: str
    hot_label: Label = "fixgate-hot"
    warm_label: Label = "fixgate-warm"
    gas_tank_label: Label = "fixgate-gas-tank"
    seal_label: Label = "fixgate-seal"


class CustodySettings(_Strict, frozen=True):
    """database: a URL; empty for SQLite in the data folder. warm: whether there is a wallet between
    the hot one and the cold one. cold: where the last of them is emptied to. forbidden: addresses
    that nothing may come from or go to. keystore: may be left out where the chain is a demo's,
    which makes one of its own. hsm: where there is one, the keys of the wallets and the gas tank
    are in it alone."""

    chain: ChainSettings
    assets: Annotated[tuple[AssetSettings, ...], Meta(min_length=1, max_length=MAX_ASSETS)]
    policy: Policy
    keystore: KeystoreSettings | None = None
    hsm: HsmSettings | None = None
    database: str = ""
    warm: bool = False
    cold: MaybeAddress = ""
    forbidden: tuple[Address, ...] = ()

    def __repr__(self) -> str:  # type: ignore[explicit-override] # typing has it from 3.12
        return f"CustodySettings({self.chain})"  # its database may have a password
