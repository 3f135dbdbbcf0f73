"""A member's own engine can load the venue's dictionary as it is: QuickFIX says so itself.

Needs g++ and libquickfix-dev.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fix.pipes import FIX44, HEADER, ORDER, fix, full_decoder, pipes, wire
from tests.support.needs import needs

pytestmark = pytest.mark.proof

STOCK = Path("specs") / "FIX44.xml"
CHECK = Path(__file__).with_name("quickfix_check.cpp")

STATE = "37=7|11=a1|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|59=1|"
MOMENT = "60=20260301-12:00:00.123456|"
EXTENSIONS = "20001=3000000000|1180=ACME|1181=17|"
COPY = "797=Y|453=1|448=ACME-OE1|447=D|452=55|"
COPY_OF_TRADER = "797=Y|453=2|448=ACME-OE1|447=D|452=55|448=ANN|447=D|452=12|"

FROM_VENUE = {
    "logon": ("A", "98=0|108=30|141=Y|"),
    "accepted": ("8", STATE + "17=12-1|150=0|39=0|151=0.5|14=0|6=0|" + MOMENT),
    "fill with its fee": (
        "8",
        STATE
        + "17=12-2|150=F|39=2|32=0.5|31=60000|851=2|151=0|14=0.5|6=60000|"
        + MOMENT
        + "136=1|137=15|138=USD|139=4|",
    ),
    "replaced": ("8", STATE + "41=a0|17=13-1|150=5|39=0|151=0.5|14=0|6=0|" + MOMENT),
    "cancelled unasked": (
        "8",
        STATE + "17=13-1|150=4|39=4|151=0|14=0|6=0|378=99|58=Own order|" + MOMENT,
    ),
    "expired": ("8", STATE + "17=13-1|150=C|39=C|151=0|14=0|6=0|" + MOMENT),
    "refused": (
        "8",
        "37=NONE|11=a1|17=14-1|150=8|39=8|55=NO-SUCH|54=1|103=1|58=No|151=0|14=0|6=0|" + MOMENT,
    ),
    "status": ("8", STATE + "17=0|150=I|39=0|151=0.5|14=0|6=0|" + MOMENT),
    "cancel reject": ("9", "37=NONE|11=a2|41=a1|39=8|434=1|102=1|58=Unknown order|" + MOMENT),
    "mass cancel report": ("r", "11=m1|37=20|530=7|531=7|533=3|" + MOMENT),
    "business reject": ("j", "45=7|372=R|380=3|58=Not supported|"),
    "reject": ("3", "45=7|371=44|372=D|373=6|58=Price|"),
    "resend request": ("2", "7=5|16=0|"),
    "gap fill": ("4", "123=Y|36=12|"),
    "logout": ("5", "58=Bye|"),
}
PLACE = "20001=3000000000|779=20260301-12:00:00.123|20003=4294967295|"
TRADE = "270=60000|271=0.25|272=20260301|273=12:00:00.123|2446=2|"
WITH_EXTENSIONS = {
    "snapshot of levels": (
        "W",
        "262=m1|55=BTC-USD|83=17|"
        + PLACE
        + "268=2|269=0|270=60000|271=0.5|346=2|290=1|269=1|270=60000.01|271=1|346=1|290=1|",
    ),
    "snapshot of orders and trades": (
        "W",
        "262=m1|55=BTC-USD|83=17|" + PLACE + "268=2|269=0|278=7|270=60000|271=0.5|290=1|"
        "269=2|278=3|" + TRADE,
    ),
    "snapshot of nothing": ("W", "262=m1|55=BTC-USD|83=0|20003=0|268=0|"),
    "incremental": (
        "X",
        "262=m1|20002=17|"
        + PLACE
        + "268=3|279=0|269=2|278=3|55=BTC-USD|"
        + TRADE
        + "83=18|279=1|269=0|55=BTC-USD|270=60000|271=0.25|346=1|83=18|"
        "279=2|269=1|55=BTC-USD|270=60000.01|83=18|",
    ),
    "market data refused": ("Y", "262=m1|281=5|58=No such depth|"),
    "list": (
        "y",
        "320=l1|322=l1-1|560=0|393=2|893=Y|146=2|55=BTC-USD|15=USD|561=0.000001|562=0.000001|"
        "969=0.01|55=ETH-BTC|15=BTC|561=0.001|562=0.001|969=0.00001|",
    ),
    "definition": ("d", "320=d1|322=d1-1|323=1|55=BTC-USD|15=USD|561=1|562=1|969=0.01|"),
    "halt": ("f", "324=s1|55=BTC-USD|325=Y|326=2|60=20260301-12:00:00.123|20001=9|58=News|"),
    "trading session": (
        "h",
        "335=t1|336=1|338=1|325=N|340=2|341=20260301-00:00:00|345=20260302-00:00:00|",
    ),
    "fill": ("8", FROM_VENUE["fill with its fee"][1] + "880=12-1|" + EXTENSIONS),
    "cancel reject": ("9", FROM_VENUE["cancel reject"][1] + EXTENSIONS),
    "mass cancel report": ("r", FROM_VENUE["mass cancel report"][1] + EXTENSIONS),
    "copy of a fill": (
        "8",
        FROM_VENUE["fill with its fee"][1] + "880=12-1|" + EXTENSIONS + COPY_OF_TRADER,
    ),
    "copy of a fill, again": (
        "8",
        FROM_VENUE["fill with its fee"][1] + "880=12-1|" + EXTENSIONS + COPY + "1352=Y|",
    ),
    "grant of reports again": (
        "BX",
        "1353=7|1346=r1|1347=0|1348=0|1349=5|1351=1|1355=ACME|1182=1|1183=5|1357=5|",
    ),
    "refusal of reports again": (
        "BX",
        "1353=7|1346=r1|1347=0|1348=2|1351=1|1355=ACME|1357=5|1354=1|58=no report 9 yet|",
    ),
    "end of reports again": ("BY", "1356=7|1346=r1|1426=3|1351=1|1355=ACME|1357=5|"),
    "copy of a cancel reject": ("9", FROM_VENUE["cancel reject"][1] + EXTENSIONS + COPY),
    "copy of a mass cancel report": ("r", FROM_VENUE["mass cancel report"][1] + EXTENSIONS + COPY),
}
FROM_MEMBERS = {
    "order": ("D", ORDER),
    "order with parties": ("D", ORDER + "453=1|448=ALGO1|447=D|452=12|802=1|523=x|803=3|"),
    "cancel": ("F", "41=a1|11=a2|55=BTC-USD|54=1|60=20260301-12:00:00|"),
    "replace": ("G", "41=a1|" + ORDER),
    "reports again": ("BW", "1346=r1|1347=0|1351=1|1355=ACME|1182=1|1183=0|"),
    "status request": ("H", "11=a1|55=BTC-USD|54=1|"),
    "market data request": (
        "V",
        "262=m1|263=1|264=10|265=1|266=Y|20004=100|267=2|269=0|269=1|146=1|55=BTC-USD|",
    ),
    "list request": ("x", "320=l1|559=4|"),
    "definition request": ("c", "320=d1|321=0|55=BTC-USD|"),
    "status of a security": ("e", "324=s1|55=BTC-USD|263=1|"),
    "status of the session": ("g", "335=t1|263=1|"),
    "mass cancel": ("q", "11=m1|530=7|60=20260301-12:00:00|"),
}


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    program = tmp_path_factory.mktemp("quickfix") / "quickfix_check"
    compiler = shutil.which("g++")
    header = Path("/usr/include/quickfix/DataDictionary.h")
    needs("g++ and libquickfix-dev", there=compiler is not None and header.exists())
    command = [compiler, "-std=c++14", "-w", "-o", str(program), str(CHECK), "-lquickfix"]
    subprocess.run(command, check=True, timeout=120)
    return program


def verdicts(checker, dictionary, messages):
    lines = "".join(pipes(raw) + "\n" for raw in messages)
    result = subprocess.run(
        [str(checker), str(dictionary)],
        input=lines,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = result.stdout.splitlines()
    assert len(found) == len(messages)
    return found


def test_quickfix_accepts_every_message_of_the_venue_and_of_its_members(checker):
    cases = [*FROM_VENUE.items(), *WITH_EXTENSIONS.items(), *FROM_MEMBERS.items()]
    found = verdicts(checker, FIX44, [fix(*case) for _, case in cases])
    names = [name for name, _ in cases]
    assert [pair for pair in zip(names, found, strict=True) if pair[1] != "ok"] == []


def test_quickfix_with_its_stock_dictionary_accepts_what_the_venue_sends_without_extensions(
    checker,
):
    import fixcore

    stock = Path(fixcore.__file__).parent / STOCK
    messages = [fix(*case) for case in FROM_VENUE.values()]
    assert verdicts(checker, stock, messages) == ["ok"] * len(messages)


def test_quickfix_refuses_with_our_dictionary_what_we_refuse(checker):
    wrong = [
        fix("D", ORDER.replace("54=1|", "")),
        fix("D", ORDER.replace("54=1|", "54=x|")),
        fix("D", ORDER.replace("38=0.5|", "38=1e5|")),
        fix("D", ORDER + "6000=x|"),
        fix("D", ORDER + "453=2|448=ALGO1|447=D|452=12|"),
        fix("D", ORDER + "7=1|"),
        wire("35=D|" + HEADER + ORDER + "50=late|"),
    ]
    found = verdicts(checker, FIX44, wrong)
    assert "ok" not in found, found
    decoder = full_decoder()
    assert all(decoder.decode(raw).error is not None for raw in wrong)
