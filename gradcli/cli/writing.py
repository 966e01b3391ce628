"""Where a command's result goes: standard output, or a file that is written whole or not at all."""

from __future__ import annotations

import os

from gradcli.environment import Environment
from gradcli.errors import FileError


def write_result(data: str | bytes, path: str | None, environment: Environment) -> None:
    """Write a result to the file, or to standard output where there is none."""
    if path is not None:
        replace_file(path, data.encode() if isinstance(data, str) else data)
    elif isinstance(data, str):
        environment.stdout.write(data)
    else:
        environment.stdout.flush()
        environment.stdout.buffer.write(data)


def replace_file(path: str, data: bytes) -> None:
    """Put the data into a file of another name beside it, then rename that one: readers see the old or the new.

    A device or pipe (`/dev/stdout`) cannot be replaced and is written to. Raises: FileError.
    """
    temporary = f"{path}.{os.getpid()}.part"
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "wb") as file:
                file.write(data)
            return
        path = os.path.realpath(path)
        temporary = f"{path}.{os.getpid()}.part"
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(path):
            os.chmod(temporary, os.stat(path).st_mode & 0o7777)
        os.replace(temporary, path)
    except OSError as problem:
        raise FileError(f"cannot write {path}: {(problem.strerror or str(problem)).lower()}") from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
