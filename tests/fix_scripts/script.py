"""Scripts of the session layer: what their lines mean, and how one is played; see README.md.

A script is played on a Line: the sans-IO session of tests/fix_session/desk.py, or a real venue
behind a socket. What a script says is compared with what the line hears, in order, nothing left
out; a difference names the script and its line.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.fix.codec import SOH, encode
from gateway.fix.timestamps import format_utc
from tests.fix_session.desk import SECOND, complete, fields, new_order, shown

FOLDER = Path(__file__).parent
HEAD = ("case", "only", "settings")
STEPS = {"connect", "logon", ">", ">>", "raw", "order", "<", "nothing", "closed", "hang", "wait"}
STEPS |= {"restart", "venue"}
REST = "..."


class ScriptFailed(AssertionError):
    """A script is not kept, or makes no sense; the text begins with its file and line."""


@dataclass(frozen=True)
class Step:
    """One line: which connection (1 or 2), the verb, and what follows it."""

    line: int
    connection: int
    verb: str
    text: str


@dataclass(frozen=True)
class Script:
    """cases: what it shows, as published. only: desk, tcp or nothing. settings: of the session."""

    name: str
    steps: tuple[Step, ...]
    cases: tuple[str, ...]
    only: str
    settings: tuple[tuple[str, str], ...]

    def uses(self, *verbs: str) -> bool:
        return any(step.verb in verbs for step in self.steps)


class Line(Protocol):
    """A venue that is listening, with one session for the script: comp_id."""

    comp_id: bytes

    def connect(self, connection: int) -> None: ...
    def hang_up(self, connection: int) -> None: ...
    def send(self, connection: int, data: bytes) -> None: ...
    def hear(self, connection: int) -> bytes | None:
        """The next message; None if none comes, or the venue closed."""
        ...

    def is_silent(self, connection: int) -> bool: ...
    def is_closed(self, connection: int) -> bool: ...
    def wait(self, seconds: float) -> None: ...
    def restart(self) -> None: ...
    def close_venue(self) -> None: ...
    def report(self) -> None: ...
    def now(self) -> int: ...


def load(path: Path, name: str | None = None) -> Script:
    """Read a script. Raises ScriptFailed at a line that means nothing."""
    name = name or str(path.relative_to(FOLDER))
    steps: list[Step] = []
    head: dict[str, list[str]] = {word: [] for word in HEAD}
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        found = re.fullmatch(r"(?:(2): *)?(\S+) *(.*)", line)
        assert found is not None
        which, verb, text = found.groups()
        if verb not in STEPS and verb not in HEAD:
            raise ScriptFailed(f"{name}:{number}: what is {verb!r}?")
        if verb in head:
            head[verb] += text.split(":")[0].split() if verb == "only" else text.split()
        else:
            steps.append(Step(number, int(which or 1), verb, text))
    settings = tuple(tuple(pair.split("=")) for pair in head["settings"])
    return Script(name, tuple(steps), tuple(head["case"]), " ".join(head["only"]), settings)


def all_scripts() -> list[Script]:
    return [load(path) for path in sorted(FOLDER.glob("*/*.script"))]


class Player:
    """Plays one script on one line."""

    def __init__(self, script: Script, line: Line) -> None:
        self.script = script
        self.line = line
        self.out = 1
        self.heartbeat = 30.0

    def play(self) -> None:
        for step in self.script.steps:
            try:
                self._do(step)
            except (AssertionError, OSError) as error:
                if isinstance(error, ScriptFailed):
                    raise
                raise ScriptFailed(f"{self.script.name}:{step.line}: {error}") from error
        for connection in (1, 2):
            if not self.line.is_silent(connection):
                said = shown(self.line.hear(connection) or b"")
                raise ScriptFailed(f"{self.script.name}: at its end the venue said more: {said}")

    def _do(self, step: Step) -> None:
        line, text, connection = self.line, step.text, step.connection
        match step.verb:
            case "connect":
                line.connect(connection)
            case "logon":
                self._logon(connection, text)
            case ">":
                self._send(connection, text)
            case ">>":
                line.send(connection, encode(b"FIX.4.4", self._filled(text)))
            case "raw":
                line.send(connection, self._filled(text))
            case "order":
                self._order(connection, text)
            case "<":
                self._hear(connection, text)
            case "nothing":
                assert line.is_silent(connection), f"not silent: {self._heard(connection)}"
            case "closed":
                assert line.is_closed(connection), f"still open; {self._heard(connection)}"
            case "hang":
                line.hang_up(connection)
            case "wait":
                self._wait(text)
            case "restart":
                line.restart()
            case "venue" if text == "closes":
                line.close_venue()
            case "venue":
                assert text == "reports", f"the venue does what? {text}"
                line.report()

    def _heard(self, connection: int) -> str:
        raw = self.line.hear(connection)
        return "nothing was said" if raw is None else f"the venue said {shown(raw)}"

    def _filled(self, text: str) -> bytes:
        """`|` is SOH, `@-5` a time five seconds ago, `{us}` and `{venue}` the CompIDs."""
        text = text.replace("{us}", self.line.comp_id.decode()).replace("{venue}", "FIXGATE")
        now = self.line.now()

        def time(found: re.Match[str]) -> str:
            return "=" + format_utc(now + int(found[1]) * SECOND, 3).decode()

        return re.sub(r"=@([+-]?\d+)", time, text).encode("latin-1").replace(b"|", SOH)

    def _logon(self, connection: int, text: str) -> None:
        """Connect and log on, the numbers as they stand; the venue's numbers are not looked at."""
        self.line.connect(connection)
        self._send(connection, f"35=A|98=0|108={text or 30}|")
        raw = self.line.hear(connection)
        assert raw is not None, "no Logon reply"
        assert dict(fields(raw))[35] == b"A", shown(raw)

    def _send(self, connection: int, text: str) -> None:
        given = fields(self._filled(text))
        begin, extra = b"FIX.4.4", {8: b"", 9: b"", 10: b""}
        while given[0][0] == 8:
            begin = given.pop(0)[1]
        extra |= {tag: value for tag, value in given if tag in {9, 10}}
        given = [pair for pair in given if pair[0] not in {9, 10}]
        tags = dict(given)
        if tags[35] == b"A":
            given += [(553, self.line.comp_id)] if 553 not in tags else []
            given += [(554, b"demo")] if 554 not in tags else []
            if tags.get(108, b"").isdigit():
                self.heartbeat = float(tags[108])
        now = self.line.now()
        body, self.out = complete(given, self.line.comp_id, self.out, now)
        self.line.send(connection, _spoiled(encode(begin, body), extra[9], extra[10]))

    def _order(self, connection: int, text: str) -> None:
        """`order ID header-fields`: one that rests far from any other."""
        cl_ord_id, _, header = text.partition(" ")
        order = new_order(cl_ord_id, header, self.line.now())
        self._send(connection, order.replace("44=60000|", "44=100|"))

    def _hear(self, connection: int, text: str) -> None:
        raw = self.line.hear(connection)
        assert raw is not None, f"the venue said nothing, not {text}"
        got, want = shown(raw), text.replace("{us}", self.line.comp_id.decode())
        assert _is_as_said(got, want), f"the venue said {got}, not {want}"

    def _wait(self, text: str) -> None:
        number, _, unit = text.partition(" ")
        assert unit.rstrip("s") in {"heartbeat", "second"}, f"wait for what? {text}"
        seconds = float(number) * (self.heartbeat if unit.startswith("heartbeat") else 1)
        self.line.wait(seconds)


def _spoiled(message: bytes, length: bytes, checksum: bytes) -> bytes:
    """The same message with a BodyLength or CheckSum that is off by so many, as `9=+5`."""
    head, _, rest = message.partition(SOH + b"9=")
    told, _, body = rest.partition(SOH)
    if length:
        message = head + SOH + b"9=%d" % (int(told) + int(length)) + SOH + body[: -len("10=000|")]
        message = message + b"10=%03d\x01" % (sum(message) & 0xFF)
    if checksum:
        total = (int(message[-4:-1]) + int(checksum)) & 0xFF
        message = message[:-4] + b"%03d\x01" % total
    return message


def _is_as_said(got: str, want: str) -> bool:
    """`...` as a value is any; a line that ends with `...` names only some of the fields."""
    if not want.endswith("|" + REST):
        pattern = re.escape(want).replace(re.escape(REST), "[^|]*")
        return re.fullmatch(pattern, got) is not None
    said = {tuple(field.partition("=")[::2]) for field in got.split("|") if field}
    wanted = [field for field in want.removesuffix(REST).split("|") if field]
    return all(tuple(field.partition("=")[::2]) in said for field in wanted)
