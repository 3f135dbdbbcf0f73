"""The questions to a firm in a data folder, for whoever asks and for what takes the answers; and
the secrets that both sign with."""

from collections.abc import Callable
from pathlib import Path

from compliance.event_file import EventsBusy
from compliance.kyc.questions import QuestionEvent, Questions
from compliance.kyc.webhooks import MIN_SECRET_BYTES
from compliance.question_file import QUESTIONS_NAME, QuestionFile
from compliance.settings import ProviderSettings
from engine.journal.disk import REAL_DISK, Disk
from engine.model.errors import OperatorError
from engine.password import read_password
from engine.secret import SecretBytes
from gateway.at_the_venue import identity_at
from gateway.turns import by_turns


class QuestionBook:
    """All that was asked and answered, as the file has it. Everything raises OperatorError and
    OSError."""

    def __init__(self, path: Path, journal: bytes, disk: Disk = REAL_DISK) -> None:
        self.questions = Questions()
        self.count = 0
        """Events that are known."""
        self._file = QuestionFile(path, journal, disk)
        self.look()

    def look(self) -> None:
        """Take in what others have appended since."""
        for event in self._file.read(self.count):
            self._take(event)

    def do(self, decide: Callable[[Questions], QuestionEvent | None]) -> None:
        """Keep what is decided on the questions as they are, if anything is; once more if somebody
        else is writing. It is on disk when this returns."""
        by_turns(lambda: self._keep(decide(self.questions)), EventsBusy, self.look)

    def _keep(self, event: QuestionEvent | None) -> None:
        if event is not None:
            self._file.append(self.count, event)
            self._take(event)

    def _take(self, event: QuestionEvent) -> None:
        self.count += 1
        self.questions.take(event)


def questions_at(data: Path) -> QuestionBook:
    """Those of a data folder. Raises OperatorError if its journal has no record yet."""
    return QuestionBook(data / "compliance" / QUESTIONS_NAME, identity_at(data))


def read_secrets(folder: Path, settings: ProviderSettings) -> list[SecretBytes]:
    """A firm's secrets, each the first line of a file. folder: that relative files are in. Raises
    OperatorError."""
    secrets = []
    for name in settings.secrets_files:
        secret = read_password(folder / name)
        if len(secret) < MIN_SECRET_BYTES:
            raise OperatorError(
                f"{folder / name}: a secret has {MIN_SECRET_BYTES} bytes or more, at random"
            )
        secrets.append(secret)
    return secrets
