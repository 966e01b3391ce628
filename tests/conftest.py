"""What all tests share: nothing is done again and again that once is enough for, and Ctrl-C is heard."""

import gc
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# `--hypothesis-profile=thorough` looks at more examples; how long one takes says nothing on a busy machine
settings.register_profile("daily", max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("thorough", settings.get_profile("daily"), max_examples=400)
settings.load_profile("daily")


def pytest_collection_finish() -> None:
    """The garbage collector need not look at thousands of tests and declarations each time: a tenth of the run."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where Python leaves no bytecode beside the source, each of some hundred processes would compile it anew."""
    with pytest.MonkeyPatch.context() as patch:
        if sys.dont_write_bytecode:
            patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
            patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        yield


@pytest.fixture(scope="session", autouse=True)
def interrupts_are_heard() -> None:
    """A shell starts what runs in the background deaf to them, and the processes of tests would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
