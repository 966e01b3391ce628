"""Arrays from files: npy, npz, CSV, JSON, and standard input (whose kind is told from its first bytes).

Arrays of npy and npz files keep their dtype, and so do JSON objects as `--format json` writes them; numbers in CSV and
in plain JSON are text without a dtype, so they come as lists do: in the default dtype.
"""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from gradcli.environment import Environment
from gradcli.errors import FileError
from gradcli.suggest import nearest

DTYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
MAX_DEPTH = 64  # of numpy's arrays
NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}

Array = np.ndarray[Any, Any]


def load_array(reference: str, dtype: str, environment: Environment) -> Array:
    """The array that `data.npy`, `data.npz:key`, `data.csv:column`, `data.json` or `-` refers to.

    Raises: FileError, which names the file, for one that cannot be read or holds no numbers.
    """
    path, key = _split(reference)
    data = environment.stdin.buffer.read() if path == "-" else read_bytes(path)
    name = "standard input" if path == "-" else path
    if data.startswith((b"\x93NUMPY", b"PK")):
        return _known(_load_numpy(data, name, key), name)
    text = _decode(data, name)
    if path.endswith(".json") or (path == "-" and text.lstrip()[:1] in ("[", "{")):
        return _load_json(text, name, key, dtype)
    return _load_csv(text, name, key, dtype)


def read_bytes(path: str) -> bytes:
    """A file's bytes. Raises: FileError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as problem:
        raise FileError(f"cannot read {path}: {(problem.strerror or str(problem)).lower()}") from None
    except ValueError:
        raise FileError(f"cannot read {path!r}: no file can have that name") from None


def _split(reference: str) -> tuple[str, str | None]:
    """The path and the key after its last colon; a file that exists under the whole name wins."""
    path, colon, key = reference.rpartition(":")
    if not colon or not path or os.path.exists(reference):
        return reference, None
    return path, key


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{name} is neither npy, npz nor text") from None


def _load_numpy(data: bytes, name: str, key: str | None) -> Array:
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError) as problem:
        raise FileError(f"cannot read {name}: {problem}") from None
    if isinstance(loaded, np.ndarray):
        if key is not None:
            raise FileError(f"{name} holds one array without a name, so there is no '{key}' in it")
        return loaded
    keys = list(loaded.files)
    if key is None and len(keys) == 1:
        key = keys[0]
    if key not in keys:
        raise FileError(
            f"{name} has no array '{key}'" if key else f"{name} holds several arrays",
            hint=_choices(name, key, keys),
        )
    try:
        array: Array = loaded[key]
    except ValueError as problem:
        raise FileError(f"cannot read {name}: {problem}") from None
    return array


def _known(array: Array, name: str) -> Array:
    """The array in native byte order, if its dtype is one that tensors have."""
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.name not in DTYPES:
        raise FileError(
            f"{name} holds {array.dtype.name}, which tensors do not have", hint=f"tensors are {', '.join(DTYPES)}"
        )
    return array


def _load_json(text: str, name: str, key: str | None, dtype: str) -> Array:
    import json  # here for start-up: only JSON files need it

    try:
        content = json.loads(text)
    except json.JSONDecodeError as problem:
        raise FileError(f"{name} is not JSON: {problem.msg}, line {problem.lineno}, column {problem.colno}") from None
    except RecursionError:
        raise FileError(f"{name} is nested too deeply") from None
    for part in [] if key is None else key.split("."):
        if not isinstance(content, dict) or part not in content:
            keys = list(content) if isinstance(content, dict) else []
            raise FileError(f"{name} has no '{key}'", hint=_choices(name, part, keys))
        content = content[part]
    if isinstance(content, dict):
        if "data" not in content:
            raise FileError(f"{name} is a JSON object", hint=_choices(name, None, list(content)))
        dtype = str(content.get("dtype", dtype))
        shape = content.get("shape")
        array = numbers_to_array(content["data"], dtype, name)
        return array.reshape(shape) if shape is not None and array.size == 0 else array
    return numbers_to_array(content, dtype, name)


def numbers_to_array(content: object, dtype: str, name: str) -> Array:
    """Nested lists of numbers as an array; booleans alone stay booleans.

    Raises: FileError where the lists are ragged or hold something else.
    """
    if dtype not in DTYPES:
        raise FileError(f"{name}: there is no dtype '{dtype}'", hint=f"the dtypes are {', '.join(DTYPES)}")
    level = [content]
    kinds = set()
    depth = 0
    while level:  # a level of nesting at a time
        depth += 1
        if depth > MAX_DEPTH:
            raise FileError(f"{name} is nested more than {MAX_DEPTH} deep, and arrays are not")
        below: list[object] = []
        for item in level:
            if isinstance(item, list):
                below.extend(item)
            elif isinstance(item, bool | int | float) or item in NOT_FINITE:
                kinds.add(type(item))
            else:
                raise FileError(f"{name} holds {item!r}, which is no number")
        level = below
    if str in kinds:
        content = _finite(content)
    try:
        return np.array(content, dtype=np.bool_ if kinds == {bool} else dtype)
    except ValueError:
        raise FileError(f"{name}: the rows of the list have different lengths") from None
    except OverflowError:
        raise FileError(f"{name} holds a number that {dtype} cannot") from None


def _finite(content: Any) -> Any:
    """The same nested list with "NaN" and "Infinity" as the numbers they stand for (as deep as an array may be)."""
    if isinstance(content, list):
        return [_finite(item) for item in content]
    return NOT_FINITE[content] if isinstance(content, str) else content


def _load_csv(text: str, name: str, key: str | None, dtype: str) -> Array:
    import csv  # here for start-up: only CSV files need it

    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise FileError(f"{name} is empty")
    delimiter = max(",;\t ", key=lambda mark: (lines[0].count(mark) > 0) * (4 - ",;\t ".index(mark)))
    rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    header = None if all(_is_number(cell) for cell in rows[0]) else [cell.strip() for cell in rows.pop(0)]
    width = len(header) if header else len(rows[0])
    for number, row in enumerate(rows, 2 if header else 1):
        if len(row) != width:
            raise FileError(f"{name}: row {number} has {len(row)} cells, the first has {width}")
    columns = [_column(name, key, header, width)] if key is not None else list(range(width))
    table = [[_number(row[column], name, number, header) for column in columns] for number, row in enumerate(rows, 1)]
    array = np.array(table, dtype=dtype).reshape(len(rows), len(columns))
    return array[:, 0] if key is not None or width == 1 else array


def _column(name: str, key: str, header: list[str] | None, width: int) -> int:
    """The index of a column, by its name or its number from 0."""
    if header and key in header:
        return header.index(key)
    if key.isdigit() and int(key) < width:
        return int(key)
    raise FileError(f"{name} has no column '{key}'", hint=_choices(name, key, header or [str(i) for i in range(width)]))


def _number(cell: str, name: str, row: int, header: list[str] | None) -> float:
    try:
        return float(cell)
    except ValueError:
        what = f"'{cell}'" if cell.strip() else "an empty cell"
        where = f"row {row}" + (" after the header" if header else "")
        raise FileError(f"{name}: {where} holds {what} where a number is needed") from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _choices(name: str, key: str | None, keys: list[str]) -> str:
    near = nearest(key, keys) if key else None
    if near:
        return f"did you mean @{name}:{near}?"
    return f"it has {', '.join(keys[:12])}: @{name}:{keys[0]}" if keys else "it holds no names"
