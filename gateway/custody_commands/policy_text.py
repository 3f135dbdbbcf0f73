"""A policy as people read and write it: in YAML."""

from difflib import unified_diff

import msgspec
import yaml

from custody.policy.policy import Policy, digest_of


def as_yaml(policy: Policy) -> str:
    """All of a policy, what is by default included; characters that a terminal would obey are
    escaped."""
    tree = msgspec.json.decode(msgspec.json.encode(policy))
    return yaml.safe_dump(tree, sort_keys=False, width=100)


def difference(before: Policy, after: Policy) -> str:
    """What changes from one policy to another, line by line."""
    names = f"in force {digest_of(before)[:16]}", f"new {digest_of(after)[:16]}"
    texts = as_yaml(before).splitlines(), as_yaml(after).splitlines()
    lines = list(unified_diff(*texts, *names, lineterm=""))
    return "\n".join(lines) if lines else "the new policy is the one in force"
