"""What was sent live is what the journal says, on any machine and without the configuration."""

import os
import shutil
import subprocess
import sys

from tests.support.venue import CONFIG, ROOT

SEEDS = ("0", "1", "2")


def rendered(data, seed):
    """Every report of the journal, rendered by a Python with that hash seed."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.render_journal", str(data / "journal")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": seed},
    ).stdout


def trade(acme, boreas):
    """A bit of everything that is reported."""
    for k in range(30):
        price = f"{100 + k % 5}.01"
        acme.send("D", f"11=a{k}|55=BTC-USD|54=1|60={STAMP}|38=1.5|40=2|44={price}|59=0|")
        boreas.send("D", f"11=b{k}|55=BTC-USD|54=2|60={STAMP}|38=0.7|40=2|44=101.00|59=3|")
    acme.send("G", f"11=g|41=a29|55=BTC-USD|54=1|60={STAMP}|38=2|40=2|44=99.99|")
    acme.send("F", f"11=c|41=g|55=BTC-USD|54=1|60={STAMP}|38=2|")
    acme.send("F", f"11=c2|41=never|55=BTC-USD|54=1|60={STAMP}|38=2|")
    acme.send("D", f"11=x|55=NO-SUCH|54=1|60={STAMP}|38=2|40=1|")
    boreas.send("D", f"11=m|55=BTC-USD|54=2|60={STAMP}|38=1|40=1|")
    acme.send("q", f"11=q|530=7|60={STAMP}|")
    acme.expect("r")
    acme.sync()
    boreas.sync()


STAMP = "20261122-12:00:00.000"


def test_live_bytes_are_the_journals_on_any_hash_seed(new_venue, dial, tmp_path):
    config = tmp_path / "venue.yaml"
    shutil.copy(CONFIG / "bench.yaml", config)
    venue = new_venue(config, only="core").start()
    members = [dial(venue, name).connect() for name in ("BENCH-OE1", "BENCH2-OE1")]
    for member in members:
        member.logon(reset=True)
    trade(*members)
    live = {
        (member.comp_id, message.body)
        for member in members
        for message in member.delivered
        if message[35] in "89r"
    }
    assert len(live) > 100
    venue.stop()
    config.unlink()
    texts = [rendered(venue.data, seed) for seed in SEEDS]
    assert texts[0] == texts[1] == texts[2]
    rows = [line.split("\t") for line in texts[0].splitlines()]
    journal = {
        (session, b"35=" + msg_type.encode() + b"\x01" + bytes.fromhex(body))
        for session, _, msg_type, body in rows
    }
    assert journal == live
    hashes = {venue.replay(PYTHONHASHSEED=seed)["state_hash"] for seed in SEEDS}
    assert len(hashes) == 1
