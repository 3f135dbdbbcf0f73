"""Texts of the configuration that are wrong: what is said of them."""

import msgspec
import pytest

from custody.policy.policy import AN_ADDRESS
from custody.settings import MaybeAddress
from gateway.config import Config
from gateway.config_words import in_words


def patterns(tree):
    """(pattern, description) of every text of a schema."""
    if isinstance(tree, dict):
        if "pattern" in tree:
            yield tree["pattern"], tree.get("description")
        tree = list(tree.values())
    if isinstance(tree, list):
        for node in tree:
            yield from patterns(node)


def test_whoever_gets_a_text_wrong_is_told_in_words_what_it_has_to_be():
    found = dict(patterns(msgspec.json.schema(Config)))
    assert len(found) > 8
    assert [pattern for pattern, words in found.items() if not words] == []


def test_an_address_is_refused_in_words():
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert("0xAb", MaybeAddress)
    assert in_words(str(caught.value), Config) == f"expected {AN_ADDRESS}"
    assert in_words("Expected `int`, got `str`", Config) == "Expected `int`, got `str`"
