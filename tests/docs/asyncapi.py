"""docs/asyncapi.json, made from the types that the streams are coded by.

`python -m tests.docs.asyncapi` writes it anew; a test says when that is due.
"""

import json
from inspect import cleandoc
from pathlib import Path

import msgspec

from gateway.connect import STREAM_PATH
from gateway.drop_copy.wording import ReportMessage
from gateway.market_data.messages import MarketMessage
from gateway.stream.answers import Error, Subscribed, Unsubscribed
from gateway.stream.requests import Authenticate, Subscribe, Unsubscribe

PAGE = Path(__file__).parents[2] / "docs" / "asyncapi.json"
REQUESTS = (Authenticate, Subscribe, Unsubscribe)
ANSWERS = (Subscribed, Unsubscribed, Error)
STREAMS = {
    "market_data": (8081, "Market data (docs/market_data.md).", MarketMessage.__args__),
    "drop_copy": (8082, "Drop copy (docs/drop_copy.md).", (ReportMessage,)),
}


def ref(*path):
    return {"$ref": "#/" + "/".join(path)}


def document():
    told = [kind for _, _, kinds in STREAMS.values() for kind in kinds]
    everything = (*REQUESTS, *ANSWERS, *told)
    _, schemas = msgspec.json.schema_components(
        everything, ref_template="#/components/schemas/{name}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "fixgate streams",
            "version": "1",
            "description": "JSON over WebSocket; docs/streams.md says how to connect.",
        },
        "servers": {
            name: {
                "host": f"127.0.0.1:{port}",
                "protocol": "ws",
                "description": text,
                "security": [ref("components", "securitySchemes", "token")],
            }
            for name, (port, text, _) in STREAMS.items()
        },
        "channels": {
            name: {
                "address": STREAM_PATH,
                "servers": [ref("servers", name)],
                "messages": {
                    kind.__name__: ref("components", "messages", kind.__name__)
                    for kind in (*REQUESTS, *ANSWERS, *kinds)
                },
            }
            for name, (_, _, kinds) in STREAMS.items()
        },
        "operations": {
            f"{name}_{verb}": {
                "action": verb,
                "channel": ref("channels", name),
                "messages": [ref("channels", name, "messages", kind.__name__) for kind in kinds],
            }
            for name, (_, _, own) in STREAMS.items()
            for verb, kinds in (("receive", REQUESTS), ("send", (*ANSWERS, *own)))
        },
        "components": {
            "messages": {
                kind.__name__: {
                    "name": kind.__struct_config__.tag,
                    "summary": cleandoc(kind.__doc__).partition("\n")[0],
                    "payload": ref("components", "schemas", kind.__name__),
                }
                for kind in everything
            },
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def text():
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text())
