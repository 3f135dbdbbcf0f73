"""OFAC's files, as they are published, and as they should not be."""

import random

import pytest

from compliance.screening.listed import Listed, ListMalformed
from compliance.screening.ofac import FILES, read_ofac

SDN = (
    '36,"AEROCARIBBEAN AIRLINES",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n'
    '25308,"DOE, John","individual","CYBER2",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"DOB 1 Jan 1970;'
    " Digital Currency Address - XBT 12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h; alt. Digital Currency"
    ' Address - ETH 0x7F367cC41522cE07553e823bf3be79A889DEbe1B; Secondary sanctions risk: "\r\n'
    "\x1a"
)
ALT = '36,12,"aka","AERO-CARIBBEAN",-0- \r\n25308,9,"fka","DOE, Johnny",-0- \r\n\x1a'
COMMENTS = '25308,"alt. Digital Currency Address - LTC LNwgtMxcKUQ51dw7bQL1yPQjBVZh6QEqsd;"\r\n\x1a'

NOBODY = '1,"A",-0-,-0-,-0-,-0-,-0-,-0-,-0-,-0-,-0-,-0-\r\n'


def files(sdn=SDN, alt=ALT, comments=COMMENTS, encoding="utf-8"):
    texts = zip(FILES, (sdn, alt, comments), strict=True)
    return {name: text.encode(encoding) for name, text in texts}


def test_a_list_is_read_with_its_aliases_and_wallets():
    found = read_ofac("OFAC SDN", files())
    assert found.entries == (
        Listed(36, "entity", "CUBA", ("AEROCARIBBEAN AIRLINES", "AERO-CARIBBEAN")),
        Listed(
            25308, "individual", "CYBER2", ("DOE, John", "DOE, Johnny"),
            (
                ("XBT", "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"),
                ("ETH", "0x7F367cC41522cE07553e823bf3be79A889DEbe1B"),
                ("LTC", "LNwgtMxcKUQ51dw7bQL1yPQjBVZh6QEqsd"),
            ),
        ),
    )  # fmt: skip


def test_comments_may_be_left_out_and_older_copies_are_in_latin_1():
    sdn = '7,"MUÑOZ",-0-,-0-,-0-,-0-,-0-,-0-,-0-,-0-,-0-,-0-\r\n'
    there = files(sdn, "", "", "latin-1")
    del there["sdn_comments.csv"]
    assert read_ofac("x", there).entries[0].names == ("MUÑOZ",)


def test_any_byte_that_changes_makes_another_version():
    seen = {read_ofac("x", files()).version}
    seen.add(read_ofac("x", files(sdn=SDN.replace("1970", "1971"))).version)
    seen.add(read_ofac("x", files(alt=ALT.replace("aka", "nka"))).version)
    seen.add(read_ofac("x", files(comments="")).version)
    assert len(seen) == 4
    assert read_ofac("another name", files()).version in seen


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sdn": ""}, "nobody is on it"),
        ({"sdn": SDN.replace("\x1a", "") + SDN}, "there twice"),
        ({"sdn": "one,two\r\n"}, "2 columns, not 12"),
        ({"sdn": SDN.replace("36,", "x36,", 1)}, "no entry's number"),
        ({"sdn": SDN.replace("36,", "99999999999,", 1)}, "no entry's number"),
        ({"sdn": SDN.replace('"AEROCARIBBEAN AIRLINES"', "-0-")}, "a name has 1 to"),
        ({"sdn": SDN.replace("AEROCARIBBEAN", "A" * 400)}, "a name has 1 to"),
        ({"sdn": NOBODY.replace('"A"', '"A')}, "line"),
        ({"sdn": NOBODY.replace("-0-\r", f'"{"r" * 30_000}"\r')}, "a field of more than"),
        ({"alt": '99,1,"aka","X",-0-\r\n'}, "alt.csv: entry 99 is not in sdn.csv"),
        ({"alt": '36,1,"aka"\r\n'}, "3 columns, not 5"),
        ({"alt": "".join(f'36,{k},"aka","N{k}",-0-\r\n' for k in range(600))}, "names"),
        ({"comments": '99,"x"\r\n'}, "sdn_comments.csv: entry 99"),
    ],
)
def test_what_is_no_such_list_is_refused_whole(change, words):
    with pytest.raises(ListMalformed, match=words):
        read_ofac("x", files(**change))


@pytest.mark.parametrize("missing", ["sdn.csv", "alt.csv"])
def test_a_file_that_is_missing_is_named(missing):
    there = files()
    del there[missing]
    with pytest.raises(ListMalformed, match=missing):
        read_ofac("x", there)


def test_any_bytes_are_a_list_or_our_own_error():
    rng = random.Random(1)
    for _ in range(3_000):
        there = {name: bytearray(data) for name, data in files().items()}
        data = there[rng.choice(FILES)]
        for _ in range(rng.randint(1, 4)):
            if data:
                at = rng.randrange(len(data))
                data[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
        try:
            read_ofac("x", {name: bytes(d) for name, d in there.items()})
        except ListMalformed:
            continue
