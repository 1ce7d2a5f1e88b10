"""What holds for every test."""

from __future__ import annotations

import logging
import signal

import pytest
from hypothesis import HealthCheck, settings

# A test says what is right, not how fast a busy machine is. Otherwise hypothesis fails an example that takes 0.2 s.
settings.register_profile("without a clock", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("without a clock")

# A run of the tests that was started in the background, or under nohup, hands down that nothing is to stop it. Programs
# under test have to be stopped.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """What the package logs from INFO on, once each, also after a test in which a command has set up its log.

    Set up before the test begins: pytest attaches itself to loggers that hand nothing on, and would hear it twice.
    """
    monkeypatch.setattr(logging.getLogger("marketflows_pipeline"), "propagate", True)
    caplog.set_level(logging.INFO)
    return caplog
