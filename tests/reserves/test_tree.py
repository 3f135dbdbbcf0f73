"""Every member can show that it was counted, and nobody can show anything else."""

import ast
import copy
import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import custody.reserves.verify
from custody.ledger.transfers import MAX_AMOUNT
from custody.reserves.tree import (
    CHANCE_BYTES,
    MAX_PARTS,
    MIN_PARTS,
    Moment,
    ReservesRefused,
    SumTree,
    head_fields,
)
from custody.reserves.verify import Refused, commitment, leaf_hash, leaf_key, node, verify
from tests.reserves.naive import holds

CHANCE = bytes(range(2, 2 + CHANCE_BYTES))
MOMENT = Moment(7_000, 9_000, "ab" * 32, 1_767_600_000_000_000_000)
BALANCES = {"ACME": 60 * 10**18, "BOREAS": 1, "CYGNUS": 0, "MAKER": 123_456_789}
BALANCES |= {f"M{k}": 0 for k in range(12)}


def tree(balances=BALANCES, chance=CHANCE, asset="ETH"):
    return SumTree(asset, 18, MOMENT, balances, chance)


def plain(proof):
    return json.loads(json.dumps(proof))


accounts = st.dictionaries(
    st.text("ABCDEFGH-", min_size=1, max_size=6), st.integers(0, MAX_AMOUNT), max_size=20
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(balances=accounts, chance=st.binary(min_size=CHANCE_BYTES, max_size=CHANCE_BYTES))
def test_everybodys_proof_holds_for_both_verifiers(balances, chance):
    made = tree(balances, chance)
    assert int(made.head.total) == sum(balances.values())
    published = plain(head_fields(made.head))
    indexes = []
    for account, balance in balances.items():
        proof = plain(made.proof(account))
        assert verify(proof, published) == balance == holds(proof, published)
        least = MIN_PARTS if balance > 1 else 1
        assert least <= len(proof["leaves"]) <= MAX_PARTS
        assert all(int(leaf["value"]) > 0 for leaf in proof["leaves"]) or balance == 0
        indexes += [leaf["index"] for leaf in proof["leaves"]]
    assert sorted(indexes) == list(range(len(indexes)))
    assert made.head.size >= len(indexes)


def test_the_same_chance_gives_the_same_tree_and_another_one_another():
    assert tree().head == tree().head
    assert tree(chance=bytes(32)).head.root != tree().head.root


def test_a_leaf_tells_nobody_whose_it_is_or_what_anybody_has():
    """Parts are split and shuffled, and no two trees, assets or accounts share a key."""
    many = {f"M{k:03}": 10**18 for k in range(200)}
    made = tree(many)
    parts = [value for _, value in made._leaves]
    assert len(set(parts)) > 500  # equal balances do not look equal
    order = [account for account, _ in made._leaves]
    assert order != sorted(order)
    assert max(Counter(pairwise(order)).values()) < 5
    nonces = {made.nonce(account) for account in many} | {tree(many, asset="BTC").nonce("M000")}
    assert len(nonces) == len(many) + 1


def test_less_than_nothing_is_refused():
    with pytest.raises(ReservesRefused, match="BOREAS has less than nothing of ETH: -1"):
        tree({"ACME": 5, "BOREAS": -1})
    with pytest.raises(ReservesRefused, match="32 bytes of chance"):
        tree(chance=b"short")
    with pytest.raises(ReservesRefused, match="NOBODY has nothing of ETH"):
        tree().proof("NOBODY")


def test_nobody_at_all_is_owed_nothing():
    assert (tree({}).head.total, tree({}).head.size) == ("0", 1)


# --- whoever lies ---------------------------------------------------------------------------------


def changed(change, account="ACME"):
    proof = plain(tree().proof(account))
    change(proof)
    return proof


def flipped(text):
    return ("0" if text[0] != "0" else "1") + text[1:]


def reseal(proof, **fields):
    proof["head"].update(fields)
    proof["head"]["commitment"] = commitment(proof["head"])


LIES = {
    "a larger balance": (lambda p: p.update(balance=str(61 * 10**18)), "the leaves come to"),
    "a leaf twice": (lambda p: p["leaves"].append(p["leaves"][0]), "is there twice"),
    "a leaf left out": (lambda p: p["leaves"].pop(), "the leaves come to"),
    "no leaves": (lambda p: p.update(leaves=[]), "your balance was not counted"),
    "another value": (lambda p: p["leaves"][0].update(value="5"), "does not lead to the root"),
    "another place": (
        lambda p: p["leaves"][0].update(index=p["leaves"][0]["index"] ^ 1),
        "does not lead to the root",
    ),
    "outside the tree": (lambda p: p["leaves"][0].update(index=1 << 20), "outside the tree"),
    "a negative value": (lambda p: p["leaves"][0].update(value="-5"), "no number without a sign"),
    "a negative sum": (lambda p: p["leaves"][0]["path"][0].__setitem__(0, "-1"), "without a sign"),
    "another sum": (lambda p: p["leaves"][0]["path"][1].__setitem__(0, "77"), "the root"),
    "another hash": (
        lambda p: p["leaves"][0]["path"][0].__setitem__(1, flipped(p["leaves"][0]["path"][0][1])),
        "does not lead to the root",
    ),
    "a shorter path": (lambda p: p["leaves"][0]["path"].pop(), "has not"),
    "somebody else's account": (lambda p: p.update(account="BOREAS"), "does not lead"),
    "another nonce": (lambda p: p.update(nonce=flipped(p["nonce"])), "does not lead"),
    "a smaller total": (lambda p: reseal(p, total="1"), "does not lead to the root"),
    "another root": (lambda p: reseal(p, root="00" * 32), "does not lead to the root"),
    "another number of the ledger": (lambda p: reseal(p, seq=9_001), "does not lead"),
    "another digest": (lambda p: p["head"].update(digest="cd" * 32), "commitment is not that"),
    "half a tree": (lambda p: reseal(p, size=p["head"]["size"] // 2), "has not"),
    "three leaves": (lambda p: reseal(p, size=3), "a power of two"),
    "a size without end": (lambda p: reseal(p, size=1 << 62), "a power of two"),
    "a head without a root": (lambda p: p["head"].pop("root"), "the head has no root"),
    "a float": (lambda p: p["leaves"][0].update(value=5.0), "no number without a sign"),
    "zeros in front": (lambda p: p["leaves"][0].update(value="05"), "not written as numbers are"),
    "a huge number": (lambda p: p["leaves"][0].update(value="9" * 97), "not written as"),
    "true as an index": (lambda p: p["leaves"][0].update(index=True), "no whole number"),
    "capital hex": (lambda p: p.update(nonce=p["nonce"].upper() + "AB"), "32 bytes in hex"),
    "a list as a leaf": (lambda p: p.update(leaves=[[]]), "no JSON object"),
    "a step of three": (lambda p: p["leaves"][0]["path"][0].append("0"), "no sum and hash"),
    "sums that overflow": (
        lambda p: [step.__setitem__(0, "9" * 96) for step in p["leaves"][0]["path"]], "too large",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("lie", "why"), LIES.values(), ids=LIES.keys())
def test_a_lie_is_refused_with_its_reason(lie, why):
    proof = changed(lie)
    with pytest.raises(Refused, match=why):
        verify(proof)


@pytest.mark.parametrize("name", ["root", "total", "seq", "digest", "record", "commitment"])
def test_a_member_that_was_given_another_head_than_all_others_sees_it(name):
    proof = plain(tree().proof("ACME"))
    published = copy.deepcopy(proof["head"])
    published[name] = 1 if isinstance(published[name], int) else "1"
    with pytest.raises(Refused, match="published is 1"):
        verify(proof, published)
    assert holds(proof, published) is None
    with pytest.raises(Refused, match="nothing was published of ETH"):
        verify(proof, {"heads": [{**proof["head"], "asset": "BTC"}]})
    assert verify(proof, {"heads": [{"asset": "BTC"}, proof["head"]]}) == BALANCES["ACME"]


@pytest.mark.parametrize("rubbish", [None, 5, [], "x", {}, {"head": 5}, {"head": {}}])
def test_rubbish_is_refused(rubbish):
    with pytest.raises(Refused):
        verify(rubbish)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_character_of_a_proof_that_is_changed_makes_it_fall(data):
    """Or it is no proof, or says the same; never another balance."""
    proof = json.dumps(tree().proof("ACME"))
    at = data.draw(st.integers(0, len(proof) - 1))
    put = data.draw(st.sampled_from('0123456789abcdef-." ,'))
    text = proof[:at] + put + proof[at + 1 :]
    try:
        read = json.loads(text)
        balance = verify(read, plain(head_fields(tree().head)))
    except (ValueError, Refused):
        return
    assert balance == BALANCES["ACME"]
    assert read == json.loads(proof)


def test_the_sum_of_a_node_cannot_be_made_up_beside_its_children():
    """Maxwell's tree commits to the sum of both: there a part can be hidden behind another."""
    key = leaf_key(bytes(32), 1, "ETH", "A")
    left, right = (5, leaf_hash(key, 5, 0)), (7, leaf_hash(key, 7, 1))
    assert node(left, right)[0] == 12
    assert node(left, right)[1] != node((7, left[1]), (5, right[1]))[1]


# --- the file that members run --------------------------------------------------------------------

FILE = Path(custody.reserves.verify.__file__)


def run(*files):
    return subprocess.run(
        [sys.executable, "-I", FILE, *files],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_needs_nothing_but_python():
    imported = {
        alias.name
        for node_ in ast.walk(ast.parse(FILE.read_text()))
        if isinstance(node_, ast.Import | ast.ImportFrom)
        for alias in (node_.names if isinstance(node_, ast.Import) else [ast.alias(node_.module)])
    }
    assert imported == {"__future__", "hashlib", "hmac", "json", "sys"}


def test_a_member_runs_it(tmp_path):
    made = tree()
    good, bad, head = (tmp_path / name for name in ("good.json", "bad.json", "head.json"))
    good.write_text(json.dumps(made.proof("ACME")))
    bad.write_text(json.dumps(changed(LIES["a larger balance"][0])))
    head.write_text(json.dumps({"heads": [head_fields(made.head)]}))
    told = run(good, head)
    assert (told.returncode, told.stderr) == (0, "")
    assert "60 ETH of ACME are counted among 60.00000000012345679 ETH" in told.stdout
    assert made.head.commitment in run(good).stdout
    assert run(bad, head).returncode == 1
    assert "REFUSED: the leaves come to" in run(bad, head).stderr
    (tmp_path / "no.json").write_text("{")
    assert "cannot be read" in run(tmp_path / "no.json").stderr
    assert run().returncode == 2
