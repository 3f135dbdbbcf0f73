"""A second verifier, written from the words of the first one's beginning alone."""

from hashlib import sha256


def _hmac(key, data):
    """RFC 2104, for a key of 32 bytes."""
    block = key.ljust(64, b"\0")
    inner = sha256(bytes(b ^ 0x36 for b in block) + data).digest()
    return sha256(bytes(b ^ 0x5C for b in block) + inner).digest()


def holds(proof, published=None):
    """The balance, or None."""
    head = proof["head"]
    names = ["asset", "decimals", "record", "seq", "digest", "time", "size", "total", "root"]
    text = "fixgate-reserves-1"
    for name in names:
        text += f"\n{name} {head[name]}"
    if sha256(text.encode()).hexdigest() != head["commitment"]:
        return None
    if published is not None and published != head:
        return None
    mine = f"fixgate-reserves-1\n{head['seq']}\n{head['asset']}\n{proof['account']}"
    key = sha256(bytes.fromhex(proof["nonce"]) + mine.encode()).digest()
    balance, indexes = 0, set()
    for leaf in proof["leaves"]:
        index, value = leaf["index"], int(leaf["value"])
        hashed = _hmac(key, value.to_bytes(40, "big") + index.to_bytes(8, "big"))
        amount, place, width = value, index, head["size"]
        for other_amount, other_hash in leaf["path"]:
            other = int(other_amount).to_bytes(40, "big") + bytes.fromhex(other_hash)
            here = amount.to_bytes(40, "big") + hashed
            both = here + other if place % 2 == 0 else other + here
            hashed = sha256(b"\x01" + both).digest()
            amount += int(other_amount)
            place, width = place // 2, width // 2
        if (width, place, str(amount), hashed.hex()) != (1, 0, head["total"], head["root"]):
            return None
        indexes.add(index)
        balance += value
    if len(indexes) != len(proof["leaves"]) or not indexes or str(balance) != proof["balance"]:
        return None
    return balance
