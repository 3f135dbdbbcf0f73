"""Reports again by application sequence, from outside, over both transports and through kill -9."""

import pytest

BUY, SELL = 1, 2


def seqs(messages):
    return [int(m[1181]) for m in messages]


def live_of(copy):
    """The reports that a drop copy has had under numbers of their own."""
    return [m for m in copy.delivered if m[35] in "89r" and m.get(1352) != "Y"]


def again(copy, ident, begin=1, end=0):
    """Ask for a range; the grant and the reports."""
    copy.send("BW", f"1346={ident}|1347=0|1351=1|1355=BENCH|1182={begin}|1183={end}|")
    grant = copy.expect("BX", f"1346={ident}")
    reports = []
    while (message := copy.receive())[35] != "BY":
        if message.get(1352) == "Y":
            reports.append(message)
    assert message.has({1346: ident, 1426: "3", 1357: grant.get(1183, grant[1357])})
    return grant, reports


@pytest.fixture
def traded(new_venue, dial):
    """A venue where two members have traded: (venue, a trader, BENCH's drop copy with all)."""
    venue = new_venue(only="core,dropcopy").start()
    one, two = dial(venue, "BENCH-OE1"), dial(venue, "BENCH2-OE1")
    copy = dial(venue, "BENCH-DC1")
    for client in (one, two, copy):
        client.logon()
    for k in range(60):
        one.order(f"a{k}", BUY, "2", "50000.00")
        two.order(f"b{k}", SELL, "1", "50000.00")
        one.cancel(f"c{k}", f"a{k}" if k % 3 else "none", BUY)
    one.sync()
    two.sync()
    one.order("last", BUY, "1", "49000.00")
    copy.expect("8", "11=last|150=0")
    return venue, one, copy


def test_what_was_missed_is_sent_again_with_the_same_bodies(traded):
    _, one, copy = traded
    had = list(copy.delivered)
    last = int(had[-1][1181])
    assert {m[35] for m in had} == {"8", "9"}, "rejects are among them"
    grant, reports = again(copy, "r1")
    assert grant.has({1348: "0", 1349: str(last), 1183: str(last)})
    assert [m.body for m in reports] == [m.body + b"1352=Y\x01" for m in had]
    _, reports = again(copy, "r2", 7, 9)
    assert seqs(reports) == [7, 8, 9]
    one.order("live", BUY, "1", "49000.00")
    copy.expect("8", "11=live|150=0")
    assert seqs(live_of(copy))[-1] == last + 1


def test_replayed_reports_keep_their_numbers_through_kills_of_the_feed(traded):
    venue, one, copy = traded
    last = int(copy.delivered[-1][1181])
    copy.send("BW", "1346=r1|1347=0|")
    copy.expect("8", "1352=Y")
    venue.kill_one("dropcopy")
    copy.expect_closed()
    one.order("meanwhile", BUY, "1", "49000.00")
    copy.reconnect()  # what had numbers comes again under them, as they were
    _, reports = again(copy, "r2")
    assert seqs(reports) == list(range(1, last + 2))
    assert seqs(live_of(copy)) == list(range(1, last + 2))
    assert [m[11] for m in live_of(copy)].count("meanwhile") == 1


def test_the_web_socket_has_the_same_reports_from_any_on(traded, stream_client):
    venue, one, copy = traded
    last = int(copy.delivered[-1][1181])
    client = stream_client(venue.drop_copy_stream, "demo-BENCH").connect()
    answer, before = client.subscribe("reports", resume_from=10)
    assert (answer["seq"], answer["resumed"]) == (10, True)
    told = before + [client.receive() for _ in range(last - 10 - len(before))]
    one.order("live", BUY, "1", "49000.00")
    told.append(client.receive())
    copy.expect("8", "11=live|150=0")
    over_fix = {int(m[1181]): m for m in live_of(copy)}
    assert [m["seq"] for m in told] == list(range(11, last + 2))
    for message in told:
        fix = over_fix[message["seq"]]
        fields = message["message"]
        assert (fields["MsgType"], fields["ClOrdID"]) == (fix[35], fix[11])
        assert fields["RecordNumber"] == fix[20001] == str(message["record"])
        assert fields["NoPartyIDs"][0]["PartyID"] == fix[448] == "BENCH-OE1"
