"""What holds for every test."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# A test says what is right, not how fast a busy machine is. Otherwise hypothesis fails an example that takes 0.2 s.
settings.register_profile("without a clock", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("without a clock")

# A run of the tests that was started in the background, or under nohup, hands down that nothing is to stop it. Programs
# under test have to be stopped.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)
