"""Core's readers leave it a processor, wherever there is more than one."""

import os
import subprocess

import pytest

from gateway.processors import place, readers_processors


@pytest.mark.parametrize(
    ("available", "readers"),
    [({0}, {0}), ({3}, {3}), ({0, 1}, {0}), ({2, 5, 7}, {2, 5})],
)
def test_readers_leave_the_last_processor_to_core(available, readers):
    assert readers_processors(available) == readers


@pytest.fixture
def process():
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_reader_keeps_to_the_readers_processors(process):
    place("dropcopy", process.pid)
    available = os.sched_getaffinity(0)
    assert os.sched_getaffinity(process.pid) == readers_processors(available)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == os.getpriority(os.PRIO_PROCESS, 0)


def test_core_goes_first_where_that_is_allowed_and_may_run_anywhere(process):
    place("core", process.pid)
    assert os.sched_getaffinity(process.pid) == os.sched_getaffinity(0)
    allowed = os.geteuid() == 0 and os.getpriority(os.PRIO_PROCESS, process.pid) == -20
    assert allowed or os.getpriority(os.PRIO_PROCESS, process.pid) == os.getpriority(
        os.PRIO_PROCESS, 0
    )
