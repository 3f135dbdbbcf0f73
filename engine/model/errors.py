"""Whose fault it is.

FixgateError
├── OperatorError            the person who runs the venue must act: the text says what to do
│   ├── ConfigError          the configuration contradicts itself or the journal
│   ├── JournalDamaged       the journal cannot be trusted; names file and offset
│   └── JournalInUse         another process writes this journal
├── SnapshotDamaged          a snapshot cannot be used: an older one or the whole journal can
└── DiskFailed               a write or sync failed: the process must end at once

A broken belief of ours is an AssertionError and stays fatal. What a peer did wrong is
gateway.fix.errors.PeerError, which knows the FIX reject that answers it.
"""


class FixgateError(Exception):
    """Base of every error that fixgate raises on purpose."""


class OperatorError(FixgateError):
    """The operator must act; the text says what happened and what to do next."""


class ConfigError(OperatorError):
    """The configuration is wrong.

    path: where in the file, in the form `instruments[0].tick`; empty if it concerns the whole.
    """

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}" if path else text)
        self.path = path


class JournalDamaged(OperatorError):
    """The journal holds bytes that no crash can explain, or lacks a record known durable."""


class JournalInUse(OperatorError):
    """Another process holds the journal's lock."""


class SnapshotDamaged(FixgateError):
    """A snapshot is torn, damaged, of another release, or not of this journal.

    Never the end of anything: the journal holds all that it held.
    """


class DiskFailed(FixgateError):
    """The first failed write or sync: after it nothing in the page cache can be trusted.

    Linux marks pages clean after a failed sync, so a second try "succeeds" with data lost.
    """
