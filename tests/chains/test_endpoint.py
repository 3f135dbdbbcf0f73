"""A line to a node that answers badly, or not at all: what is asked is asked once."""

import asyncio
import gzip
import json
import logging

import pytest

from custody.chains import endpoint as limits
from custody.chains.endpoint import BROADCASTS_PER_SECOND, MAX_WAITING, Endpoint, RpcError
from custody.chains.evm import EvmNode
from custody.chains.node import NodeFailed, NodeRefused, Refusal
from custody.chains.wire import Quantity
from engine.model.errors import OperatorError
from tests.support.rpc_responder import Answer, Error, http, responding

RAW = b"\x02signed"
SECRET = "0123456789secretkey"

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CUT_SHORT = b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"jsonrpc":"2.0",'
ZIPPED = gzip.compress(b'{"jsonrpc":"2.0","id":0,"result":"0x1"}')

BAD = {
    "the line ends": (Answer(b"", "end"), "ServerDisconnectedError"),
    "the line ends in the body": (Answer(CUT_SHORT, "end"), "ClientPayloadError"),
    "no answer": (Answer(b"", "silence"), "in time"),
    "half an answer": (Answer(CUT_SHORT, "silence"), "in time"),
    "no HTTP": (Answer(b"hello\r\n\r\n", "end"), "BadHttpMessage|ClientResponseError"),
    "empty": (http(b""), "truncated"),
    "truncated JSON": (http(b'{"jsonrpc":"2.0","id":0,"result":"0x'), "truncated"),
    "a page": (http(b"<html>Bad gateway</html>"), "malformed"),
    "null": (http(None), "Expected `object`, got `null`"),
    "a list": (http([]), "Expected `object`, got `array`"),
    "no UTF-8": (http(b'{"id":0,"result":"\xff"}'), "wire|utf"),
    "NaN": (http(b'{"id":0,"result":NaN}'), "malformed"),
    "brackets": (http(b"[" * 200_000), "object"),
    "brackets in the result": (http(b'{"id":0,"result":' + b"[" * 200_000), "recursion|malformed"),
    "too long": (http(b" " * (limits.SMALL_ANSWER + 1)), "more than"),
    "endless": (
        Answer(CHUNKED + (b"40000\r\n" + b" " * 0x40000 + b"\r\n") * 8, "silence"),
        "more than",
    ),
    "zipped": (
        Answer(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(ZIPPED), ZIPPED),
            "next",
        ),
        "malformed|utf",
    ),
    "no result": (http({"id": 0}), "is no text"),
    "wrong id": (http({"id": 99, "result": "0x1"}), "another question"),
    "an error for another": (
        http({"id": 99, "error": {"code": 1, "message": "nonce too low"}}),
        "another question",
    ),
    "an error that is none": (http({"id": 0, "error": "no"}), "Expected `object"),
    "an error without a code": (http({"id": 0, "error": {"message": "no"}}), "code"),
    "HTTP 500": (http({"id": 0, "result": "0x1"}, "500 Oh"), "HTTP status 500"),
    "HTTP 429": (http({"id": 0, "result": "0x1"}, "429 Slow down"), "HTTP status 429"),
    "elsewhere": (
        Answer(b"HTTP/1.1 307 There\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", "next"),
        "HTTP status 307",
    ),
}


def endpoint_of(node, per_second=1_000, timeout_ms=10_000):
    return Endpoint(node.url, "n1", per_second, timeout_ms)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_no_answer(name):
    answer, words = BAD[name]

    async def run():
        async with responding(lambda *_: answer) as node:
            silent = answer.then == "silence" and words == "in time"
            line = endpoint_of(node, timeout_ms=60 if silent else 10_000)
            with pytest.raises(NodeFailed, match=words) as caught:
                await line.ask("eth_gasPrice", (), Quantity)
            assert str(caught.value).startswith("n1: eth_gasPrice: ")
            assert SECRET not in str(caught.value)
            assert len(node.asked) == 1
            if not silent:  # the line still works
                node.say = lambda *_: "0x2a"
                assert await line.ask("eth_gasPrice", (), Quantity) == 42
            await line.close()

    asyncio.run(run())


@pytest.mark.parametrize("name", BAD)
def test_a_broadcast_without_a_good_answer_is_sent_exactly_once(name):
    answer, words = BAD[name]

    async def run():
        async with responding(lambda *_: answer) as node:
            silent = answer.then == "silence" and words == "in time"
            chain = EvmNode(endpoint_of(node, timeout_ms=60 if silent else 10_000), 31337)
            with pytest.raises(NodeFailed):
                await chain.broadcast(RAW)
            assert node.asked[1:] == [("eth_sendRawTransaction", ["0x" + RAW.hex()])]
            await chain.close()

    asyncio.run(run())


def test_a_node_that_is_not_there_has_failed():
    async def run():
        async with responding(lambda *_: None) as node:
            url = node.url
        line = Endpoint(url, "n1", 10, 10_000)
        with pytest.raises(NodeFailed, match="n1: eth_gasPrice: ClientConnector") as caught:
            await line.ask("eth_gasPrice", (), Quantity)
        assert "127.0.0.1" not in str(caught.value)
        await line.close()

    asyncio.run(run())


def test_neither_a_log_nor_an_error_has_the_url(caplog):
    caplog.set_level(logging.DEBUG)

    def say(method, _):
        raise Error(-32000, f"bad request to http://x/{SECRET}\n\x1b[31m" + "z" * 1_000)

    async def run():
        async with responding(say) as node:
            line = endpoint_of(node)
            with pytest.raises(RpcError) as caught:
                await line.ask("eth_gasPrice", (), Quantity)
            await line.close()
            return str(caught.value), repr(line)

    text, shown = asyncio.run(run())
    assert SECRET not in text + shown + caplog.text
    assert text.isprintable()
    assert len(text) < 300


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8545", "ws://host", "file:///etc/passwd", "http://", "http://h:99999"]
)
def test_what_is_no_url_is_refused_by_name(url):
    with pytest.raises(OperatorError, match="node n1"):
        Endpoint(url, "n1", 1, 1)


def test_polling_cannot_hold_up_a_broadcast():
    def say(method, _):
        return "0x" + "ab" * 32 if method == "eth_sendRawTransaction" else "0x1"

    async def run():
        async with responding(say) as node:
            line = endpoint_of(node, per_second=1)
            chain = EvmNode(line, 31337)
            polls = [asyncio.create_task(line.ask("eth_gasPrice", (), Quantity)) for _ in range(20)]
            await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
            with pytest.raises(NodeFailed, match="another transaction"):
                await chain.broadcast(RAW)
            assert sum(poll.done() for poll in polls) < 3
            await give_up(polls)
            await chain.close()

    asyncio.run(run())


def test_questions_that_wait_are_counted():
    async def run():
        async with responding(lambda *_: "0x1") as node:
            line = endpoint_of(node, per_second=1)
            polls = [
                asyncio.create_task(line.ask("eth_gasPrice", (), Quantity))
                for _ in range(MAX_WAITING + 10)
            ]
            done, waiting = await asyncio.wait(polls, return_when=asyncio.FIRST_EXCEPTION)
            failed = [poll for poll in done if poll.exception() is not None]
            assert all("questions wait already" in str(poll.exception()) for poll in failed)
            assert 8 <= len(failed) <= 10
            await give_up(waiting)
            await line.close()

    asyncio.run(run())


async def give_up(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_questions_share_a_connection_and_each_broadcast_has_its_own():
    def say(method, _):
        if method == "eth_sendRawTransaction":
            raise Error(-32000, "nonce too low")
        return "0x1"

    async def run():
        async with responding(say) as node:
            line = endpoint_of(node)
            for _ in range(50):
                await line.ask("eth_gasPrice", (), Quantity)
            assert node.lines == 1
            chain = EvmNode(line, 31337)
            for _ in range(BROADCASTS_PER_SECOND - 1):  # the chain's id takes the fifth turn
                with pytest.raises(NodeRefused) as caught:
                    await chain.broadcast(RAW)
                assert caught.value.refusal is Refusal.NONCE_TOO_LOW
            assert node.lines == 1 + BROADCASTS_PER_SECOND
            await chain.close()

    asyncio.run(run())


def test_a_node_of_another_chain_is_asked_nothing_else():
    async def run():
        async with responding(lambda *_: "0x1") as node:
            chain = EvmNode(endpoint_of(node), 1)
            for question in (chain.head(), chain.broadcast(RAW), chain.fees()):
                with pytest.raises(OperatorError, match="n1 is of chain 31337, and chain 1 is"):
                    await question
            assert {method for method, _ in node.asked} == {"eth_chainId"}
            await chain.close()

    asyncio.run(run())


def test_the_chain_is_asked_for_once_and_again_only_if_that_failed():
    async def run():
        async with responding(lambda *_: "0x1") as node:
            chain = EvmNode(endpoint_of(node), 31337)
            for _ in range(3):
                assert await chain.nonce("0x" + "11" * 20) == 1
            assert node.count("eth_chainId") == 1
            await chain.close()

    asyncio.run(run())


def test_an_answer_is_read_whatever_else_it_has():
    body = {"id": 0, "result": "0x2a", "error": None, "jsonrpc": "2.0", "more": [{}]}

    async def run():
        async with responding(lambda *_: http(json.dumps(body).encode())) as node:
            line = endpoint_of(node)
            assert await line.ask("eth_gasPrice", (), Quantity) == 42
            await line.close()

    asyncio.run(run())
