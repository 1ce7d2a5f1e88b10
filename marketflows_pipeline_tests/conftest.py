"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A test says what is right, not how fast a busy machine is. Otherwise hypothesis fails an example that takes 0.2 s.
settings.register_profile("without a clock", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("without a clock")
