"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A shared machine is slow at times, and no test here asserts how long anything takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
