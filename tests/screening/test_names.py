"""How names are taken apart, and what two of them score."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.screening.listed import Listed, SanctionsList
from compliance.screening.matcher import MAX_ASKED, Matcher, NothingToCompare
from compliance.screening.names import ALGORITHM, code_of, part_score, parts_of, whole_score
from compliance.screening.verdict import MAX_MATCHES
from compliance.screening.wallets import Wallets
from tests.screening import oracle

CUT_OFF = 8_500


def listed(*names, number=1, wallets=()):
    return Listed(number, "individual", "SDGT", names, wallets)


def matcher(*entries, cut_off=CUT_OFF):
    return Matcher([SanctionsList("OFAC SDN", "v1", entries)], cut_off)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("DOE, John", "DOE JOHN"),
        ("  José   María  Ñúñez ", "JOSE MARIA NUNEZ"),
        ("O'Neill-Smith", "ONEILL SMITH"),
        ("Müller & Söhne GmbH (Zürich)", "MULLER SOHNE GMBH ZURICH"),
        ("Łukasz Straße Ærø", "LUKASZ STRASSE AERO"),
        ("7th of TIR", "7TH OF TIR"),
        ("\u202eJohn\x00Doe", "JOHN DOE"),
        ("\uff2aohn \uff24oe", "JOHN DOE"),
        ("Иванов", ""),
        ("", ""),
    ],
)
def test_a_names_parts(name, parts):
    assert " ".join(parts_of(name)) == parts


@pytest.mark.parametrize(
    ("a", "b", "points"),
    [
        ("MARTHA", "MARHTA", 9_611),  # Winkler's own examples
        ("DIXON", "DICKSONX", 8_133),
        ("DWAYNE", "DUANE", 8_400),
        ("SAME", "SAME", 10_000),
        ("ABC", "XYZ", 0),
    ],
)
def test_whole_names_are_compared_by_jaro_winkler(a, b, points):
    assert whole_score(a, b) == points == oracle.hundredths(oracle.jaro_winkler(a, b))


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("ROBERT", "R163"), ("RUPERT", "R163"), ("ASHCRAFT", "A261"), ("TYMCZAK", "T522"),
        ("PFISTER", "P236"), ("HONEYMAN", "H555"), ("LEE", "L000"), ("7TH", "7TH"), ("42", "42"),
    ],
)  # fmt: skip
def test_what_a_word_sounds_like(word, code):
    """Examples of the National Archives (Soundex Indexing System)."""
    assert code_of(word) == code == oracle.soundex(word)


def test_parts_that_sound_alike_score_halfway_to_equal():
    alike, other = part_score("ROBERT", "RUPERT"), oracle.jaro_winkler("ROBERT", "RUPERT")
    assert alike == oracle.hundredths(other) + (10_000 - oracle.hundredths(other)) // 2


WORDS = st.text("ABCDEHLMNORSTW", min_size=1, max_size=7)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)


@given(NAMES, st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=8), st.data())
def test_a_list_finds_what_comparing_everything_finds(asked, entries, data):
    """Beside names that are drawn freely, some that are near to what is asked."""
    near = asked.replace(asked[0], data.draw(st.sampled_from("ABCDE")), 1)
    names = [*entries, [near], [" ".join(reversed(asked.split()))], [asked + "E"]]
    there = SanctionsList(
        "one", "v", tuple(listed(*words, number=k) for k, words in enumerate(names))
    )
    cut_off = data.draw(st.sampled_from((5_000, 7_000, 8_500, 9_500, 10_000)))
    found = Matcher([there], cut_off).name(asked).matches
    ours = {(m.source, m.number): m.score for m in found}
    for entry, score in oracle.scores(asked, [there]).items():
        if abs(score - cut_off) > 1:  # a point is what rounding may make
            assert abs(ours.get(entry, 0) - score) <= 1 if score > cut_off else entry not in ours


@pytest.mark.parametrize(
    ("asked", "on_list", "is_hit"),
    [
        ("Usama bin Laden", "BIN LADIN, Usama bin Muhammad bin Awad", True),
        ("Mohammed Ali Hassan", "MUHAMMAD ALI HASSAN", True),
        ("John Doe", "DOE, John", True),
        ("Jon Doe", "DOE, John", True),
        ("Acme Trading Limited", "ACME TRADING LTD", True),
        ("Jane Smith", "DOE, John", False),
        ("Boreas Capital", "CYGNUS SHIPPING CO", False),
        ("John Miller", "DOE, John", False),
    ],
)
def test_who_is_found(asked, on_list, is_hit):
    assert matcher(listed(on_list)).name(asked).is_hit is is_hit


def test_a_verdict_says_all_that_it_takes_to_do_it_again():
    verdict = matcher(listed("DOE, John", "DOE, Johnny", number=306)).name("Johnny Doe")
    (match,) = verdict.matches
    assert (match.source, match.number, match.name) == ("OFAC SDN", 306, "DOE, Johnny")
    assert match.score == 10_000
    assert (verdict.algorithm, verdict.cut_off) == (ALGORITHM, CUT_OFF)
    assert verdict.versions == (("OFAC SDN", "v1"),)


def test_the_highest_scores_come_first_and_there_are_so_many_at_most():
    entries = [listed(f"DOE JOHN {'X' * (k % 5)}", number=k) for k in range(1, 3 * MAX_MATCHES)]
    matches = matcher(*entries).name("John Doe").matches
    assert len(matches) == MAX_MATCHES
    assert list(matches) == sorted(matches, key=lambda m: (-m.score, m.number))
    assert matches[0].score == 10_000


@pytest.mark.parametrize("name", ["", "  ", "Иванов", "!!!", "x" * (MAX_ASKED + 1)])
def test_a_name_that_cannot_be_compared_is_not_cleared(name):
    with pytest.raises(NothingToCompare):
        matcher(listed("DOE, John")).name(name)


WALLETS = (
    ("XBT", "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"),
    ("ETH", "0x7F367cC41522cE07553e823bf3be79A889DEbe1B"),
    ("XBT", "bc1qa5wkgaew2dkv56kfvj49j0av5nml45x9ek9hz6"),
)


@pytest.mark.parametrize(
    ("address", "is_hit"),
    [
        ("12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", True),
        ("12qtd5bfwrsdnsazy76uve1xycgntojh9h", False),  # another address in Base58
        ("0x7f367cc41522ce07553e823bf3be79a889debe1b", True),
        ("0X7F367CC41522CE07553E823BF3BE79A889DEBE1B", True),
        ("BC1QA5WKGAEW2DKV56KFVJ49J0AV5NML45X9EK9HZ6", True),
        ("0x7f367cc41522ce07553e823bf3be79a889debe1c", False),
        ("", False),
    ],
)
def test_wallets_are_found_by_their_whole_address(address, is_hit):
    doe = listed("DOE, John", wallets=WALLETS)
    verdict = Wallets([SanctionsList("OFAC SDN", "v1", (doe,))]).screen(address)
    assert verdict.is_hit is is_hit
    assert verdict.algorithm == "exact"
