"""What a member's engine in a process of its own is told and tells: JSON, one object a line.

In: {"send": MsgType, "header": [[tag, value], ...], "fields": [[tag, value], ...]}. The end of the
input is a Logout.

Out: {"logged on": bool}; {"delivered": message, "fees": [[amount, currency], ...]}, an application
message, and group 136 as the engine understood it; {"reject": words}, a Reject or
BusinessMessageReject of either side; {"asked": message}, a ResendRequest of ours.

Messages are text, with SOH as it is.
"""

import json
import sys
import threading

_LOCK = threading.Lock()


def tell(what, value, **more):
    """One line to the test, from any thread."""
    line = json.dumps({what: value, **more}) + "\n"
    with _LOCK:
        sys.stdout.write(line)
        sys.stdout.flush()


def orders():
    """(MsgType, header, fields) of each line from the test, until it closes the pipe."""
    for line in sys.stdin:
        order = json.loads(line)
        yield order["send"], order["header"], order["fields"]
