"""A world whose chain is anvil, whose database is PostgreSQL, and whose clock is by hand.

The chain is told what to do in the words of custody.chains.simulated, so that the same tests run on
both. Nodes are the product's own; only what is wrong with them is made here.
"""

from contextlib import ExitStack

from eth_utils import keccak, to_checksum_address

from custody.chains.endpoint import Endpoint
from custody.chains.evm import EvmNode, Traces
from custody.chains.node import Block, NodeFailed
from custody.chains.simulated import TokenKind
from custody.store.database import open_database
from tests.custody.people import BAD, STRANGER
from tests.custody.world import CHAIN, NODES, World
from tests.support.anvil import start_anvil

CONTRACT_OF = {
    TokenKind.HONEST: "Honest",
    TokenKind.FEE: "Skimming",
    TokenKind.FALSE: "Refusing",
    TokenKind.LIAR: "Lying",
    TokenKind.BLACKLIST: "Blocking",
}
BALANCES, BLOCKED = 0, 1
"""Slots of the contracts' mappings."""

FEE = 10**9
PAYERS = (STRANGER, BAD)
FINALITY = 8


def slot(address, mapping):
    """Where a mapping of a contract has an address (Solidity, layout of mappings)."""
    return (
        "0x"
        + keccak(bytes.fromhex(address[2:]).rjust(32, b"\0") + bytes(31) + bytes([mapping])).hex()
    )


def word(number):
    return "0x" + number.to_bytes(32, "big").hex()


def transfer(target, amount):
    return "0xa9059cbb" + target[2:].rjust(64, "0") + f"{amount:064x}"


class Tokens(dict):
    """Contracts by address: to set one puts its code there, and leaves what everybody has."""

    def __init__(self, chain):
        super().__init__()
        self._chain = chain

    def __setitem__(self, address, kind):
        anvil = self._chain.anvil
        deployed = anvil.deploy(CONTRACT_OF[kind])
        anvil.rpc("anvil_setCode", address, anvil.rpc("eth_getCode", deployed, "latest"))
        if address not in self:
            for person in PAYERS:
                self._chain.fund(person.address.lower(), 10**30, address)
        super().__setitem__(address, kind)


class Blacklist:
    """Whom tokens of the kind do not like."""

    def __init__(self, chain):
        self._chain = chain

    def add(self, address):
        for token in self._chain.tokens:
            self._chain.anvil.rpc("anvil_setStorageAt", token, slot(address, BLOCKED), word(1))


class Blocks:
    """The chain's blocks, by their numbers."""

    def __init__(self, anvil):
        self._anvil = anvil

    def __len__(self):
        return int(self._anvil.rpc("eth_blockNumber"), 16) + 1

    def __getitem__(self, index):
        number = index if index >= 0 else len(self) + index
        told = self._anvil.rpc("eth_getBlockByNumber", hex(number), False)
        return Block(
            number, bytes.fromhex(told["hash"][2:]), bytes.fromhex(told["parentHash"][2:]), 0
        )


class AnvilChain:
    """What tests do to a chain, done to anvil."""

    def __init__(self, anvil, stack):
        self.anvil = anvil
        self._stack = stack
        self.blocks = Blocks(anvil)
        self.tokens = Tokens(self)
        self.blacklist = Blacklist(self)
        self.base_fee = FEE
        self.stalled_at = None
        self._paid = {}
        for person in PAYERS:
            self.fund(person.address.lower(), 10**24)

    def fund(self, address, amount, token=""):
        if token:
            there = self.balance(address, token, self.blocks[-1].hash)
            self.anvil.rpc(
                "anvil_setStorageAt", token, slot(address, BALANCES), word(there + amount)
            )
        else:
            there = int(self.anvil.rpc("eth_getBalance", address, "latest"), 16)
            self.anvil.rpc("anvil_setBalance", address, hex(there + amount))

    def pay(self, source, *payments):
        """Signed by whoever has that address: nodes' transactions are hashed again."""
        signer = next(who for who in PAYERS if who.address.lower() == source)
        nonce = int(self.anvil.rpc("eth_getTransactionCount", source, "pending"), 16)
        first = None
        for k, (target, token, amount) in enumerate(payments):
            request = {
                "chainId": CHAIN, "nonce": nonce + k, "to": to_checksum_address(token or target),
                "value": 0 if token else amount, "gas": 200_000,
                "data": transfer(target, amount) if token else "0x",
                "maxFeePerGas": 100 * FEE, "maxPriorityFeePerGas": FEE,
            }  # fmt: skip
            raw = "0x" + signer.sign_transaction(request).raw_transaction.hex()
            tx = bytes.fromhex(self.anvil.rpc("eth_sendRawTransaction", raw)[2:])
            self._paid[tx] = raw
            first = first or tx
        return first

    def mine(self, time, count=1):
        for _ in range(count):
            self.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(self.base_fee))
            self.anvil.rpc("anvil_mine", "0x1")
        return self.blocks[-1]

    def reorganize(self, depth, time, again=()):
        self.anvil.rpc("anvil_reorg", depth, [[self._paid[tx], 0] for tx in again])
        self.mine(time)

    def fork(self):
        return AnvilChain(self._stack.enter_context(start_anvil(fork=self.anvil)), self._stack)

    def drop(self):
        self.anvil.rpc("anvil_dropAllTransactions")

    def spend_nonce(self, address):
        self.anvil.rpc("anvil_setNonce", address, hex(self.nonce(address, None) + 1))

    def final(self):
        number = max(len(self.blocks) - 1 - FINALITY, 0)
        return self.blocks[number if self.stalled_at is None else min(number, self.stalled_at)]

    def balance(self, address, token, block):
        at = {"blockHash": "0x" + block.hex()}
        if token:
            data = "0x70a08231" + address[2:].rjust(64, "0")
            return int(self.anvil.rpc("eth_call", {"to": token, "data": data}, at), 16)
        return int(self.anvil.rpc("eth_getBalance", address, at), 16)

    def nonce(self, address, block):
        return int(self.anvil.rpc("eth_getTransactionCount", address, "latest"), 16)


class Node:
    """The product's node over anvil, with what may be wrong with one."""

    def __init__(self, name, chain, faults):
        self.name = name
        self.lag = 0
        self.hides = set()
        self._faults = faults
        self._nodes = {}
        self.chain = chain

    @property
    def node(self):
        url = self.chain.anvil.url
        if url not in self._nodes:
            endpoint = Endpoint(url, self.name, 10_000, 8_000)
            self._nodes[url] = EvmNode(endpoint, CHAIN, Traces.FLAT)
        return self._nodes[url]

    async def close(self):
        for node in self._nodes.values():
            await node.close()

    def __getattr__(self, call):
        """Whatever has nothing wrong with it."""
        return getattr(self.node, call)

    async def finalized(self):
        final = await self.node.finalized()
        number = (await self.head()).number
        if self.chain.stalled_at is not None:
            number = min(number, self.chain.stalled_at)
        return final if final.number <= number else await self.node.header(number)

    async def head(self):
        head = await self.node.head()
        return await self.node.header(max(head.number - self.lag, 0)) if self.lag else head

    async def header(self, number):
        if self.lag and number > (await self.head()).number:
            return None
        return await self.node.header(number)

    async def movements(self, block, targets):
        told = await self.node.movements(block, targets)
        return told if told is None else tuple(m for m in told if m.tx not in self.hides)

    async def receipt(self, tx):
        return None if tx in self.hides else await self.node.receipt(tx)

    async def knows(self, tx):
        return tx not in self.hides and await self.node.knows(tx)

    async def broadcast(self, raw):
        await self.node.broadcast(raw)
        if self._faults is not None and self._faults.after(self.name, "broadcast"):
            raise NodeFailed(f"{self.name}: the answer was lost")


class AnvilWorld(World):
    """A world on anvil and PostgreSQL. template: the URL of an empty database."""

    def __init__(self, folder, template, **options):
        self._stack = ExitStack()
        super().__init__(folder, template, **options)

    def make_chain(self, faults):
        anvil = self._stack.enter_context(start_anvil())
        chain = AnvilChain(anvil, self._stack)
        return chain, [Node(name, chain, faults) for name in NODES]

    def make_database(self, template):
        return open_database(template)

    def close(self):
        for node in self.nodes:
            self.runner.run(node.close())
        super().close()
        self._stack.close()
