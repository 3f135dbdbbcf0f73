"""For all tests: a slow machine is not a failed property, and collected tests are no garbage."""

import gc

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fixgate", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fixgate")


def pytest_collection_finish():
    """Thousands of tests live to the end: looking through them again and again costs seconds."""
    gc.collect()
    gc.freeze()
