"""Drop copy over WebSocket: what a member's consumers are told, and from where they can go on."""

from random import Random

import pytest
import trio
import trio.testing

from engine.model.events import CancelRejected, MassCancelReported, OrderFilled
from gateway.drop_copy import appl_index
from gateway.drop_copy import service as service_module
from gateway.drop_copy.filters import KINDS
from gateway.stream import replay
from tests.drop_copy.desk import Client, desk

SOH = "\x01"


@pytest.fixture
def here(tmp_path):
    with desk(tmp_path) as found:
        yield found


def flat(message):
    """A message's fields in FIX's order: groups as a count and their entries."""
    for name, value in message.items():
        if isinstance(value, list):
            yield name, str(len(value))
            for entry in value:
                yield from entry.items()
        else:
            yield name, value


# --- what is told ---------------------------------------------------------------------------------


def test_a_report_has_the_fields_that_it_has_over_fix(here):
    client = Client(here)
    client.subscribe()
    here.trade(400)
    reports = here.reports()
    assert len(client.heard) == len(reports) > 100
    names = {}
    for message, (record, k, event) in zip(client.heard, reports, strict=True):
        msg_type, body = here.renderer.render(record, k)
        fields = [field.partition("=") for field in body.decode().split(SOH)[:-1]]
        told = list(flat(message["message"]))
        assert told[0] == ("MsgType", msg_type.decode())
        assert [value for _, value in told[1:]] == [value for _, _, value in fields]
        for (name, _), (tag, _, _) in zip(told[1:], fields, strict=True):
            assert names.setdefault(name, tag) == tag
        assert message["type"] == "report"
        assert (message["seq"], message["record"]) == (event.appl_seq, record.number)
    assert {names[n] for n in ("OrderID", "ApplSeqNum", "MiscFeeAmt", "PartyID")} == {
        "37",
        "1181",
        "137",
        "448",
    }


def test_a_fill_in_json(here):
    client = Client(here)
    client.subscribe()
    here.trade(100)
    [fill, *_] = [m for m in client.heard if m["message"].get("ExecType") == "F"]
    message = fill["message"]
    assert message["NoMiscFees"] == [
        {
            "MiscFeeAmt": message["NoMiscFees"][0]["MiscFeeAmt"],
            "MiscFeeCurr": "USD",
            "MiscFeeType": "4",
        }
    ]
    assert message["CopyMsgIndicator"] == "Y"
    assert message["NoPartyIDs"][0]["PartyRole"] == "55"
    assert message["ApplID"] == "ACME"
    assert message["ApplSeqNum"] == str(fill["seq"])
    assert message["RecordNumber"] == str(fill["record"])


def test_every_consumer_of_a_member_has_its_reports_and_nobody_elses(here):
    clients = {who: [Client(here, who) for _ in range(2)] for who in ("ACME", "BOREAS", "CYGNUS")}
    for both in clients.values():
        for client in both:
            client.subscribe()
    here.trade(300)
    for member, (who, both) in enumerate(clients.items(), 1):
        seqs = [event.appl_seq for _, _, event in here.reports(member)]
        assert seqs == list(range(1, len(seqs) + 1))
        for client in both:
            assert client.seqs() == seqs
            assert {m["message"]["ApplID"] for m in client.heard} == {who}


# --- requests -------------------------------------------------------------------------------------

WRONG = {
    "another channel": ({"channel": "book"}, "unknown_channel", "there is reports"),
    "a symbol": ({"symbol": "BTC-USD"}, "not_offered", "filter"),
    "a depth": ({"depth": 5}, "not_offered", "no depth"),
    "an interval": ({"interval_ms": 100}, "not_offered", "no interval"),
    "a candle's": ({"interval": 60}, "not_offered", "no interval"),
    "what is to come": ({"resume_from": 10_000}, "unknown_sequence", "no report 10000"),
    "a foreign session": (
        {"filter": {"sessions": ["BOREAS-OE1"]}},
        "unknown_filter",
        "no session BOREAS-OE1",
    ),
    "a foreign account": (
        {"filter": {"accounts": ["BOREAS"]}},
        "unknown_filter",
        "no account BOREAS",
    ),
    "no instrument": ({"filter": {"symbols": ["X"]}}, "unknown_filter", "no instrument X"),
    "no kind": ({"filter": {"kinds": ["eaten"]}}, "malformed", "kinds"),
    "an empty choice": ({"filter": {"kinds": []}}, "malformed", "kinds"),
    "no filter": ({"filter": {"color": ["red"]}}, "malformed", "color"),
}


@pytest.mark.parametrize(("words", "code", "text"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_had_is_refused_by_name(here, words, code, text):
    client = Client(here)
    [answer] = client.say(**{"op": "subscribe", "channel": "reports", "id": "7"} | words)
    assert (answer["type"], answer["code"]) == ("error", code)
    assert text in answer["text"]
    assert code == "malformed" or answer["id"] == "7"
    here.trade(20)
    assert client.heard == []
    client.subscribe()


def test_a_connection_subscribes_once_and_may_end_it(here):
    client = Client(here)
    assert client.say(op="unsubscribe", channel="reports")[0]["code"] == "not_subscribed"
    client.subscribe(id="a")
    assert client.say(op="subscribe", channel="reports")[0]["code"] == "already_subscribed"
    assert client.say(op="auth", token="x")[0]["code"] == "malformed"
    here.trade(20)
    told = client.take()
    [answer] = client.say(op="unsubscribe", channel="reports", id="b")
    assert (answer["type"], answer["id"]) == ("unsubscribed", "b")
    here.trade(20)
    assert client.heard == []
    assert client.subscribe()["seq"] > told[-1]["seq"]


def test_who_has_no_part_in_the_venue_yet_is_told_so(here):
    assert Client(here, "DORUS").say(op="subscribe", channel="reports")[0]["code"] == "not_offered"


# --- filters --------------------------------------------------------------------------------------

CHOICES = {
    "kinds": (
        {"kinds": ["filled", "canceled"]},
        lambda e: KINDS[type(e)] in ("filled", "canceled"),
    ),
    "sessions": ({"sessions": ["ACME-OE2"]}, lambda e: e.session == 2),
    "symbols": (
        {"symbols": ["ETH-USD"]},
        lambda e: (
            isinstance(e, CancelRejected)
            or getattr(e, "symbol", b"") == b"ETH-USD"
            or (isinstance(e, MassCancelReported) and not e.symbol)
            or getattr(e, "instrument", 0) == 2
        ),
    ),
    "two": (
        {"kinds": ["filled"], "sessions": ["ACME-OE1"]},
        lambda e: isinstance(e, OrderFilled) and e.session == 1,
    ),
}


@pytest.mark.trio
@pytest.mark.parametrize(("chosen", "passes"), CHOICES.values(), ids=CHOICES)
async def test_a_filter_holds_live_and_in_what_was_missed(here, chosen, passes):
    here.trade(150)
    live = Client(here)
    live.subscribe(filter=chosen)
    here.trade(150)
    again = Client(here)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(here.replays.serve)
        await trio.testing.wait_all_tasks_blocked()
        again.subscribe(filter=chosen, resume_from=0)
        while here.replays.running:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    here.trade(50)
    wanted = [event.appl_seq for _, _, event in here.reports() if passes(event)]
    assert again.seqs() == wanted
    assert 5 < len(live.seqs()) < len(wanted) < len(here.reports())
    assert live.seqs() == wanted[-len(live.seqs()) :]


# --- resuming -------------------------------------------------------------------------------------


@pytest.mark.trio
@pytest.mark.parametrize("seed", range(4))
async def test_reports_are_resumed_from_any_on_while_others_come(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(appl_index, "STRIDE", 8)
    monkeypatch.setattr(replay, "SLICE_RECORDS", 7)
    chance = Random(seed)
    with desk(tmp_path, seed, checkpoint_records=30) as here:
        here.trade(100)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.replays.serve)
            await trio.testing.wait_all_tasks_blocked()
            clients = []
            for _ in range(40):
                here.trade(chance.randrange(6))
                last = here.service.index.last(1)
                after = chance.choice((None, 0, last, chance.randint(0, last)))
                client = Client(here)
                answer = client.subscribe(**({} if after is None else {"resume_from": after}))
                expected = last if after is None else after
                assert (answer["seq"], answer.get("resumed", False)) == (
                    expected,
                    after is not None,
                )
                clients.append((client, expected))
                for _ in range(chance.randrange(5)):
                    await trio.lowlevel.checkpoint()
                if chance.random() < 0.2:
                    gone, _ = clients.pop()
                    gone.leave()
            while here.replays.running:
                await trio.lowlevel.checkpoint()
            here.trade(20)
            nursery.cancel_scope.cancel()
        last = here.reports()[-1][2].appl_seq
        for client, after in clients:
            assert client.seqs() == list(range(after + 1, last + 1))
        assert not here.log


@pytest.mark.trio
async def test_a_replay_that_is_not_wanted_any_more_ends(here):
    here.trade(200)
    client = Client(here)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(here.replays.serve)
        await trio.testing.wait_all_tasks_blocked()
        client.subscribe(resume_from=0)
        assert client.say(op="unsubscribe", channel="reports")[0]["type"] == "unsubscribed"
        while here.replays.running:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    here.trade(20)
    assert client.heard == []


# --- starts ---------------------------------------------------------------------------------------


@pytest.mark.trio
@pytest.mark.parametrize("poll", [3, 500])
async def test_a_start_reads_on_from_its_checkpoint(tmp_path, monkeypatch, poll):
    monkeypatch.setattr(appl_index, "STRIDE", 8)
    monkeypatch.setattr(service_module, "POLL_RECORDS", poll)
    with desk(tmp_path, checkpoint_records=100) as here:
        here.trade(350)
        here.start()
        assert here.begin.indexed > here.service.last_read - 100 > 100
        here.trade(30)
        client = Client(here)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.replays.serve)
            await trio.testing.wait_all_tasks_blocked()
            client.subscribe(resume_from=0)
            while here.replays.running:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert client.seqs() == [event.appl_seq for _, _, event in here.reports()]


def test_a_checkpoint_that_cannot_be_used_costs_nothing_but_time(tmp_path):
    with desk(tmp_path, checkpoint_records=100) as here:
        for _ in range(10):
            here.trade(40)
        last = here.service.index.last(1)
        newest, older = sorted((tmp_path / "dropcopy").iterdir(), reverse=True)
        data = bytearray(newest.read_bytes())
        data[-1] ^= 1
        newest.write_bytes(data)
        here.start()
        assert here.begin.indexed == int(older.stem)
        assert here.service.index.last(1) == last
        assert "checkpoint passed over" in here.log[-1]
        for path in (tmp_path / "dropcopy").iterdir():
            path.unlink()
        here.start()
        assert here.begin.indexed == -1
        assert here.service.index.last(1) == last


def test_a_disk_that_is_full_is_told_and_tried_again(tmp_path, monkeypatch):
    with desk(tmp_path, checkpoint_records=50) as here:
        folder = tmp_path / "dropcopy"
        before = sorted(folder.iterdir())
        real = here.service._checkpoints._checkpoints.disk.open

        def full(path, flags, *more):
            if folder in path.parents:
                raise OSError(28, "No space left on device")
            return real(path, flags, *more)

        monkeypatch.setattr(here.service._checkpoints._checkpoints.disk, "open", full)
        here.trade(120)
        assert sorted(folder.iterdir()) == before
        assert "No space left" in here.log[-1]
        monkeypatch.undo()
        here.trade(120)
        assert sorted(folder.iterdir()) != before
