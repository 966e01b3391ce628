"""`--timeout`: an error in the running program when its time is over, and the end of the process if that is not heard.

The alarm's handler raises between two steps of Python; one numpy call that takes longer than the grace is ended with
the process.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from gradcli.environment import Environment
from gradcli.errors import TimeoutError_

GRACE = 1.0  # seconds that a step may take past the limit


@contextmanager
def time_limit(seconds: str | None, environment: Environment) -> Iterator[None]:
    """Raise TimeoutError_ inside the block after so many seconds (None: no limit)."""
    if seconds is None:
        yield
        return
    limit = float(seconds)
    error = TimeoutError_(f"the time limit of {limit:g} seconds was reached")

    def expire(*_: object) -> None:
        raise error

    def give_up() -> None:
        environment.stderr.write(f"error: {error.message}\n")
        environment.stderr.flush()
        os._exit(error.status)

    before = signal.signal(signal.SIGALRM, expire)
    watchdog = threading.Timer(limit + GRACE, give_up)
    watchdog.daemon = True
    signal.setitimer(signal.ITIMER_REAL, limit)
    watchdog.start()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        watchdog.cancel()
        signal.signal(signal.SIGALRM, before)
