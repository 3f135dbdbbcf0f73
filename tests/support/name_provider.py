"""A firm that screens names, as a program of its own: it knows docs/onboarding.md alone.

    python -m tests.support.name_provider '{"secret": "...", "deliver": "http://..."}'

It says on standard output, a JSON object a line, its port, then what it was asked, then how each of
its messages was answered. On standard input it is told, a JSON object a line, what it finds:
{"find": {"Maria Huber": "hit"}}; whoever it was told nothing of is clear. {"say": [reference,
outcome]} has it answer once more. With "noise" it sends garbage before each message, and each
message three times.
"""

import hashlib
import hmac
import http.client
import json
import secrets
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

RETRY_SECONDS = 0.2
GIVE_UP = 300


class Provider:
    def __init__(self, settings):
        self.secret = settings["secret"].encode()
        self.deliver = urlsplit(settings["deliver"])
        self.noise = settings.get("noise", False)
        self.finds = settings.get("find", {})
        self.known = {}
        self.lock = threading.Lock()

    def say(self, **what):
        with self.lock:
            print(json.dumps(what), flush=True)

    @staticmethod
    def now():
        return int(time.time())  # noqa: TID251 - a firm has a clock of its own

    def signed(self, body, seconds=None, secret=None):
        at = self.now() if seconds is None else seconds
        mac = hmac.new(secret or self.secret, f"{at}.".encode() + body, hashlib.sha256)
        return f"t={at},v1={mac.hexdigest()}"

    def believed(self, header, body):
        at = header.partition(",")[0].removeprefix("t=")
        return at.isdigit() and hmac.compare_digest(header, self.signed(body, int(at)))

    def asked(self, reference, name):
        self.say(asked=reference, name=name)
        with self.lock:
            known = self.known.setdefault(reference, name)
        assert known == name, "one reference, two names"
        outcome = self.finds.get(name, "clear")
        if outcome != "silent":
            threading.Thread(target=self.answer, args=(reference, outcome), daemon=True).start()

    def answer(self, reference, outcome):
        """Until it is taken: the same id, each time a new time."""
        message = {"id": secrets.token_hex(8), "reference": reference, "outcome": outcome}
        body = json.dumps({**message, "theirs": {"matched": 1}}).encode()
        for _ in range(GIVE_UP):
            if self.noise:
                self.make_noise(body)
            times = 3 if self.noise else 1
            statuses = [self.post(body, self.signed(body)) for _ in range(times)]
            if 200 in statuses:
                self.say(delivered=reference, outcome=outcome, statuses=statuses)
                return
            time.sleep(RETRY_SECONDS)
        self.say(given_up=reference, outcome=outcome)

    def make_noise(self, body):
        """What nobody should take: the outcome of another, not signed, signed by another, or of an
        hour ago; halves; and what is no HTTP."""
        clear = body.replace(b'"hit"', b'"clear"').replace(b'"id": "', b'"id": "x')
        hour_ago = self.now() - 3_600
        found = [
            self.post(clear, ""),
            self.post(clear, self.signed(clear, secret=b"x" * 32)),
            self.post(clear, self.signed(clear, hour_ago)),
            self.post(clear, self.signed(body)),
            self.post(b"[]", self.signed(b"[]")),
            self.post(b"x" * 70_000, "t=1,v1=1"),
        ]
        for data in (b"\x16\x03\x01\x00\xa5\x01\x00", b"POST / HTTP/1.1\r\n"):
            with suppress(OSError):
                line = http.client.HTTPConnection(self.deliver.hostname, self.deliver.port, 5)
                line.connect()
                line.sock.sendall(data)
                line.close()
        self.say(noise=found)

    def post(self, body, signature):
        """The status; 0 where there was no answer."""
        line = http.client.HTTPConnection(self.deliver.hostname, self.deliver.port, timeout=5)
        headers = {"Content-Type": "application/json", "Fixgate-Signature": signature}
        try:
            line.request("POST", self.deliver.path, body, headers)
            return line.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            line.close()


def handler(provider):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            good = provider.believed(self.headers["Fixgate-Signature"], body)
            self.send_response(202 if good else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if good:
                said = json.loads(body)
                assert set(said) == {"reference", "name"}, said
                provider.asked(said["reference"], said["name"])

        def log_message(self, *_):
            pass

    return Handler


def main():
    settings = json.loads(sys.argv[1])
    provider = Provider(settings)
    server = ThreadingHTTPServer(("127.0.0.1", settings.get("port", 0)), handler(provider))
    provider.say(port=server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for line in sys.stdin:
        told = json.loads(line)
        provider.finds.update(told.get("find", {}))
        if "say" in told:
            provider.answer(*told["say"])


class ProviderProgram:
    """It, as a test runs it. settings: see above."""

    def __init__(self, **settings):
        argv = [sys.executable, "-m", "tests.support.name_provider", json.dumps(settings)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True)
        self.said = []
        self.port = self.until("port")["port"]

    def until(self, key):
        """What it says next that has this key."""
        for line in self.process.stdout:
            self.said.append(json.loads(line))
            if key in self.said[-1]:
                return self.said[-1]
        raise AssertionError(f"it ended without {key}: {self.said}")

    def tell(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


if __name__ == "__main__":
    main()
