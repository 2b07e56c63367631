"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A shared machine is slow at times, and no test here asserts how long anything takes.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
