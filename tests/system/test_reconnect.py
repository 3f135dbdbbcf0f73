"""A member who closes his connection and logs on again at once is let in."""

import socket
import struct

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of a close that throws away what is under way, as a dying process does."""


def test_who_comes_back_at_once_is_not_a_second_connection(new_venue, dial):
    venue = new_venue(only="core").start()
    member = dial(venue, "BENCH-OE1")
    member.connect().logon()
    for round_, how in enumerate(["close", "reset", "logout"] * 20):
        member.order(f"o{round_}", 1, "0.001", "100")
        if how == "reset":
            member._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif how == "logout":
            member.send("5", "")
            member.expect("5")
        member.connect().logon()
        member.sync()
    assert "DUPLICATE_SESSION" not in venue.stderr
