"""The signer: a process of its own, which holds the keys and believes nobody."""
