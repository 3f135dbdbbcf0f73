"""For all tests: a slow machine is not a failed property."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fixgate", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fixgate")
