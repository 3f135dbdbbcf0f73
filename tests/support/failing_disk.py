"""`fixgate` with a core whose disk fails when told to: the venue's own pieces, one of them faulty.

`python -m tests.support.failing_disk run ...` is the command line as it is, but for the core's
program; `python -m tests.support.failing_disk core ...` is that. What is to fail is written into
the file FAULT beside the data folder: the kind of call, how many of them still work, and an errno.
A core that has met its fault fails for ever; the one after it finds the disk well.
"""

import os
import sys
from pathlib import Path

from engine.journal.disk import RealDisk
from gateway import app, cli, supervisor

FAULT = "fault"
KINDS = ("pwrite", "sync_data", "allocate", "rename", "sync_folder")


class Fault:
    """Counts calls once its file is there."""

    def __init__(self, path):
        self.path = path
        self.kind, self.left, self.errno = "", 0, 0

    def check(self, kind):
        """Raise, if this call is to fail."""
        if not self.kind and self.path.exists():
            kind_, left, number = self.path.read_text().split()
            self.kind, self.left, self.errno = kind_, int(left), int(number)
        if kind != self.kind:
            return
        if self.left == 0:
            self.path.unlink(missing_ok=True)
            raise OSError(self.errno, os.strerror(self.errno))
        self.left -= 1


def arm(data, kind, after, number):
    """Let the calls of `kind` fail with errno `number` once `after` more of them have worked."""
    path = data.with_name(FAULT)
    temporary = path.with_suffix(".new")
    temporary.write_text(f"{kind} {after} {number}")
    temporary.replace(path)


def break_disk(path):
    """Put the fault before every call of the disk."""
    fault = Fault(path)
    for kind in KINDS:
        real = getattr(RealDisk, kind)

        def call(self, *args, _kind=kind, _real=real):
            fault.check(_kind)
            return _real(self, *args)

        setattr(RealDisk, kind, call)


def main():
    if sys.argv[1] == "core":
        data = Path(sys.argv[sys.argv.index("--data") + 1])
        break_disk(data.with_name(FAULT))
        return app.main(sys.argv[1:])
    plain = supervisor.Supervisor.__init__

    def with_faulty_core(self, *args, **options):
        plain(self, *args, **options)
        argv = self.children[0].argv
        argv[argv.index("gateway.app")] = "tests.support.failing_disk"

    supervisor.Supervisor.__init__ = with_faulty_core
    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
