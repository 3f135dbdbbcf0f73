"""The file of cases: two who write, a disk that fails, a machine that stops, one who meddles."""

import itertools
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from compliance.case_file import CaseFile
from compliance.cases.desk import CaseDesk
from compliance.cases.events import NoteAdded
from compliance.event_file import MAX_EVENT_BYTES, EventsBusy, EventTooLarge
from engine.model.errors import OperatorError
from tests.audit.test_faults import CALLS, AuditDisk
from tests.cases.support import ANNA, BEN, START, alert
from tests.journal.support import FaultyDisk
from tests.simulation.disk import FATES, Killed, Machine, PowerLost

JOURNAL = b"j" * 16
CASES = Path("/compliance/cases")


def note(number):
    return NoteAdded(1, START + number, ANNA, f"note {number}")


def filled(path, count=5):
    """A file of notes; its bytes."""
    file = CaseFile(path, JOURNAL)
    file.read(0)
    for number in range(count):
        file.append(number, note(number))
    return path.read_bytes()


def read(path, journal=JOURNAL):
    file = CaseFile(path, journal)
    return [int(event.text.split()[1]) for event in file.read(0)]


def test_what_was_appended_is_read_again(tmp_path):
    filled(tmp_path / "cases")
    assert read(tmp_path / "cases") == [0, 1, 2, 3, 4]
    file = CaseFile(tmp_path / "cases", JOURNAL)
    assert len(file.read(0)) == 5
    file.append(5, note(5))
    assert file.read(6) == []
    assert read(tmp_path / "cases") == [0, 1, 2, 3, 4, 5]


def test_whoever_decides_on_an_old_picture_is_told_so(tmp_path):
    desks = [CaseDesk(CaseFile(tmp_path / "cases", JOURNAL)) for _ in range(2)]
    desks[0].alert(alert(), START)
    with pytest.raises(EventsBusy, match="faster"):
        desks[1].alert(alert(kind="layering"), START)
    desks[1].look()
    assert desks[1].alert(alert(kind="layering"), START).id == 2
    desks[0].look()
    desks[0].assign(2, BEN, ANNA, START + 1)
    desks[1].look()
    assert desks[1].cases[2].owner == BEN


def test_whoever_comes_while_another_writes_is_told_so(tmp_path):
    filled(tmp_path / "cases", 1)

    class Slow(FaultyDisk):
        def sync_data(self, fd):
            with pytest.raises(EventsBusy, match="try again"):
                other.append(1, note(9))
            super().sync_data(fd)

    other = CaseFile(tmp_path / "cases", JOURNAL)
    other.read(0)
    slow = CaseFile(tmp_path / "cases", JOURNAL, Slow([], 0))
    slow.read(0)
    slow.append(1, note(1))
    assert read(tmp_path / "cases") == [0, 1]


def test_cases_of_another_journal_are_not_these(tmp_path):
    filled(tmp_path / "cases")
    with pytest.raises(OperatorError, match="belongs to another journal"):
        read(tmp_path / "cases", b"k" * 16)


def test_an_event_that_is_too_large_is_refused(tmp_path):
    file = CaseFile(tmp_path / "cases", JOURNAL)
    with pytest.raises(EventTooLarge, match="too many"):
        file.append(0, NoteAdded(1, START, ANNA, "x" * MAX_EVENT_BYTES))
    assert file.read(0) == []


def test_a_file_that_was_cut_anywhere_has_what_is_whole(tmp_path):
    path = tmp_path / "cases"
    ends = [len(filled(tmp_path / str(count), count)) for count in range(1, 6)]
    data = filled(path)
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        whole = sum(end <= size for end in ends)
        assert read(path) == list(range(whole))
        file = CaseFile(path, JOURNAL)
        file.read(0)
        file.append(whole, note(7))
        assert read(path) == [*range(whole), 7]


def test_a_byte_that_was_changed_is_found_unless_it_is_in_the_last_event(tmp_path):
    """The last one is a write that was cut, as far as anybody can tell."""
    path = tmp_path / "cases"
    last = len(filled(tmp_path / "four", 4))
    data = filled(path)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        path.write_bytes(changed)
        if at < last:
            with pytest.raises(OperatorError):
                read(path)
        else:
            assert read(path) == [0, 1, 2, 3]


@pytest.mark.parametrize("change", ["drop", "swap", "double"])
def test_events_that_were_dropped_swapped_or_doubled_are_found(tmp_path, change):
    path = tmp_path / "cases"
    ends = [len(filled(tmp_path / str(count), count)) for count in range(1, 6)]
    data = filled(path)
    frames = [data[a:b] for a, b in itertools.pairwise(ends)]
    first = data[: ends[0]]
    frames = {
        "drop": [frames[1], *frames[2:]],
        "swap": [frames[1], frames[0], *frames[2:]],
        "double": [frames[0], frames[0], *frames[1:]],
    }[change]
    path.write_bytes(first + b"".join(frames))
    with pytest.raises(OperatorError, match="was changed behind event"):
        read(path)


def run(disk, answered, most=6):
    """Append notes until there are six; how many were answered, at least `answered`."""
    file = CaseFile(CASES, JOURNAL, disk)
    there = len(file.read(0))
    assert there >= answered[0]
    for number in range(there, most):
        file.append(number, note(number))
        answered[0] = number + 1


def check(machine, answered):
    """The next run goes on behind what was answered, and what it is answered stays, too."""
    run(AuditDisk(machine, lambda: None, lambda: None), answered, 7)
    assert answered == [7]
    machine.lose_power("drop")
    file = CaseFile(CASES, JOURNAL, AuditDisk(machine, lambda: None, lambda: None))
    assert [event.text for event in file.read(0)] == [f"note {k}" for k in range(7)]


@pytest.mark.parametrize("error", [Killed, PowerLost])
def test_what_was_answered_is_there_after_a_stop_at_any_call(error):
    for n in range(40):
        for fate in sorted(set(FATES)):
            machine, answered = Machine(Random(n), Counter()), [0]
            disk = AuditDisk(machine, lambda: None, lambda: None)
            disk.end(error, CALLS, n)
            with suppress(error):
                run(disk, answered)
            disk.kill()
            if error is PowerLost:
                machine.lose_power(fate)
            check(machine, answered)


@pytest.mark.parametrize("kind", sorted(CALLS - {"rename", "unlink", "remove_folder"}))
def test_a_call_that_fails_loses_nothing_that_was_answered(kind):
    for n in range(7):
        machine, answered = Machine(Random(n), Counter()), [0]
        disk = AuditDisk(machine, lambda: None, lambda: None)
        disk.fail(frozenset({kind}), n)
        with suppress(OSError):
            run(disk, answered)
        assert disk.failed or n, "none of these calls was made"
        check(machine, answered)
