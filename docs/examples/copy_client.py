"""A risk desk's consumer: prints a member's reports from the drop copy stream, each once.

    copy_client.py [--address 127.0.0.1:8082] [--token demo-ACME] [--state FILE] [--reports N]

The last ApplSeqNum is kept in a file, so that the next start goes on behind it, however long that
takes: nothing is missing and nothing comes twice.
"""

import argparse
import time
from pathlib import Path

from stream import Stream


def follow(args):
    """Connect, again and again, and print; ends after so many reports."""
    last = int(args.state.read_text()) if args.state.exists() else 0
    count = 0
    while True:
        try:
            stream = Stream(args.address, args.token)
            stream.say(op="subscribe", channel="reports", resume_from=last)
            while True:
                message = stream.hear()
                if message["type"] == "error":
                    raise SystemExit(message["text"])
                if message["type"] != "report":
                    continue
                assert message["seq"] == last + 1, "ApplSeqNum has no holes"
                fields = message["message"]
                what = fields.get("ExecType", fields["MsgType"])
                print(message["seq"], what, fields["ClOrdID"], fields.get("Symbol"), flush=True)
                last = message["seq"]
                args.state.write_text(str(last))  # behind what was done with it
                count += 1
                if count == args.reports:
                    stream.close()
                    return
        except OSError as error:
            print(f"{error}; connecting again", flush=True)
            time.sleep(0.5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--address", default="127.0.0.1:8082")
    parser.add_argument("--token", default="demo-ACME")
    parser.add_argument("--state", type=Path, default=Path("reports.seq"))
    parser.add_argument("--reports", type=int, help="how many to print; without it: for ever")
    follow(parser.parse_args())
