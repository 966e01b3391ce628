"""How many threads a pass runs on. Its lanes are taken one after another by whoever is free.

What a lane computes does not depend on who computes it, and results are joined in the order of the lanes, so the number
of threads changes nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from gradcli.engine.quiet import quietly

_limit = 0


def set_threads(n: int) -> None:
    """Use at most n threads; 0: as many as there are processors, at most four."""
    global _limit
    _limit = n


def available() -> int:
    """How many threads may be used."""
    if _limit:
        return _limit
    affinity = getattr(os, "sched_getaffinity", None)
    return min(len(affinity(0)) if affinity is not None else os.cpu_count() or 1, 4)


def share(lanes: int, workers: int, work: Callable[[Callable[[], int | None]], None]) -> None:
    """Call `work(take)` in so many threads, this one included; `take()` gives the next lane, or None.

    Raises: what any of them raised.
    """
    if workers <= 1 or lanes <= 1:
        turn = iter(range(lanes))
        work(lambda: next(turn, None))
        return
    lock = threading.Lock()
    todo = iter(range(lanes))
    failures: list[BaseException] = []

    def take() -> int | None:
        with lock:
            return None if failures else next(todo, None)

    def run() -> None:
        try:
            quietly(work, take)
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that asked)
            failures.append(error)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(workers, lanes) - 1)]
    for thread in threads:
        thread.start()
    run()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
