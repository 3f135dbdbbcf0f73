"""Whose token it is: members show one instead of a FIX password."""

from gateway.config import Config, token_hash


class Tokens:
    """The tokens of a configuration. Only their hashes are kept, and looked up by: how long that
    takes says nothing about how near a guess came."""

    def __init__(self, config: Config) -> None:
        self._owners = {
            hashed: member.name for member in config.members for hashed in member.token_hashes
        }
        self._owners |= {
            token_hash(member.token): member.name for member in config.members if member.token
        }

    def owner(self, token: str) -> str | None:
        """The member's name, None if the token is nobody's."""
        return self._owners.get(token_hash(token))
