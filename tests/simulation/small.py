"""The product's named limits, made small for a run: what takes hours at a venue happens in seconds.

A limit that was renamed or moved fails here, not in silence.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

SMALL = {
    "engine.core.mass.MASS_SLICE": 3,
    "engine.model.record.MAX_RECORD_BYTES": 400,
    "engine.journal.writer.MIN_SEGMENT_BYTES": 16 * 1024,
    "engine.journal.segment.INDEX_STRIDE": 16,
    "engine.sequencer.PENDING_RECORDS": 64,
    "engine.sequencer.BATCH_RECORDS": 32,
    "gateway.order_entry.service.BATCH_RECORDS": 32,
    "gateway.order_entry.service.RENUMBER_BATCH": 20,
    "gateway.fix.index.CARRY_ENTRIES": 7,
    "gateway.fix.index.CHUNK_ENTRIES": 16,
    "gateway.flow.index_file.CHUNK_ENTRIES": 16,
    "gateway.fix.index.MAX_BATCH": 50,
    "gateway.fix.outbound.MAX_BATCH": 50,
    "gateway.flow.index_file.SYNC_ENTRIES": 25,
    "gateway.flow.index_file.SYNC_ENTRIES_MAX": 45,
    "gateway.flow.index_file.SKIP_NUMBERS": 256,
    "gateway.flow.connection.FLAG_BYTES": 6_000,
    "gateway.flow.acceptor.FLAG_BYTES": 6_000,
    "gateway.flow.connection.CLOSE_BYTES": 30_000,
    "gateway.flow.connection.STALL_SECONDS": 3,
    "gateway.flow.resend_stream.AHEAD_BYTES": 3_000,
    "gateway.flow.resend_stream.HELD_BYTES": 2_000,
    "gateway.flow.resend_stream.HOPS": 4,
    "gateway.flow.resend_stream.MAX_REPLAYS": 2,
    "gateway.flow.acceptor.READ_BYTES": 1_024,
    "gateway.flow.acceptor.MAX_GARBLED": 20,
    "gateway.drop_copy.appl_index.STRIDE": 8,
    "gateway.drop_copy.service.POLL_RECORDS": 20,
    "gateway.snapshot.service.FOLD_RECORDS": 5,
    "gateway.snapshot.service.RETRY_SECONDS": 2,
    "engine.core.snapshot.CHUNK_ROWS": 20,
    "engine.journal.snapshot_files.PIECE_BYTES": 2_000,
    "engine.journal.snapshot_files.READ_BYTES": 1_000,
}

SEGMENT_BYTES = SMALL["engine.journal.writer.MIN_SEGMENT_BYTES"]


@contextmanager
def replaced(values: dict[str, object]) -> Iterator[None]:
    """Module attributes with other values for a while."""
    old = {}
    for path, value in values.items():
        module, _, name = path.rpartition(".")
        old[path] = getattr(import_module(module), name)
        setattr(sys.modules[module], name, value)
    try:
        yield
    finally:
        for path, value in old.items():
            module, _, name = path.rpartition(".")
            setattr(sys.modules[module], name, value)
