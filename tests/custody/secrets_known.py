"""Secrets that a test knows, and every way in which one may have got into something."""

import re
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

LEAST = 6
"""Shortest secret that is looked for, bytes: of less every file is full."""


def forms(secret):
    """By name, what a secret looks like where somebody has written it."""
    assert len(secret) >= LEAST
    number = int.from_bytes(secret, "big")
    found = {
        "bytes": secret,
        "reversed": secret[::-1],
        "hex": secret.hex().encode(),
        "HEX": secret.hex().upper().encode(),
        "hex in pairs": secret.hex(":").encode(),
        "decimal": b"%d" % number,
        "hex number": b"%x" % number,
        "repr": repr(secret)[2:-1].encode(),
        "list": ", ".join(map(str, secret)).encode(),
        "JSON list": ",".join(map(str, secret)).encode(),
        "quoted": quote(secret).encode(),
    }
    for name, encode in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
        for before in range(3):  # where it stands in what was encoded decides on its characters
            text = encode(bytes(before) + secret)
            first, last = (8 * before + 5) // 6, (8 * (before + len(secret))) // 6
            found[f"{name} behind {before}"] = text[first:last]
    return found


class Known:
    """Secrets by name."""

    def __init__(self, **secrets):
        self._patterns = {
            (name, form): text
            for name, secret in secrets.items()
            for form, text in forms(secret).items()
        }
        every = sorted(set(self._patterns.values()), key=len, reverse=True)
        self._any = re.compile(b"|".join(map(re.escape, every)))

    def found_in(self, data):
        """Which secrets are in some bytes or text, and as what."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        if self._any.search(data) is None:
            return []
        return sorted(what for what, text in self._patterns.items() if text in data)
