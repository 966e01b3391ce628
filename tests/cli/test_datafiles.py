"""Arrays from files: what each kind gives, and what is said about files that give none."""

import io
import json

import numpy as np
import pytest

from gradcli.cli.datafiles import load_array
from gradcli.environment import Environment
from gradcli.errors import FileError


def load(reference, stdin=b"", dtype="float32"):
    streams = io.TextIOWrapper(io.BytesIO(stdin)), io.StringIO(), io.StringIO()
    return load_array(str(reference), dtype, Environment(*streams, {}))


def same(array, values, dtype):
    expected = np.array(values, dtype)
    assert array.dtype == expected.dtype
    assert array.shape == expected.shape
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "bool"])
def test_npy_keeps_its_dtype(tmp_path, dtype):
    np.save(tmp_path / "a.npy", np.array([[0, 1]], dtype))
    same(load(tmp_path / "a.npy"), [[0, 1]], dtype)


def test_npy_of_another_byte_order(tmp_path):
    np.save(tmp_path / "a.npy", np.array([1, 2], ">f8"))
    same(load(tmp_path / "a.npy"), [1, 2], "float64")


def test_npz_by_key(tmp_path):
    np.savez(tmp_path / "a.npz", left=np.ones(2), right=np.zeros(3))
    same(load(f"{tmp_path}/a.npz:right"), [0, 0, 0], "float64")
    for reference in (f"{tmp_path}/a.npz", f"{tmp_path}/a.npz:rigth"):
        with pytest.raises(FileError):
            load(reference)
    with pytest.raises(FileError) as caught:
        load(f"{tmp_path}/a.npz:rigth")
    assert caught.value.hint == f"did you mean @{tmp_path}/a.npz:right?"


def test_objects_are_not_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(FileError, match="cannot read"):
        load(tmp_path / "a.npy")


@pytest.mark.parametrize("array", [np.array([1j]), np.array(["a"]), np.array([1], "uint16")])
def test_dtypes_that_tensors_do_not_have(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(FileError, match="which tensors do not have"):
        load(tmp_path / "a.npy")


def test_csv(tmp_path):
    (tmp_path / "a.csv").write_text("height,weight\n1,2\n3.5,-4e1\n")
    same(load(tmp_path / "a.csv"), [[1, 2], [3.5, -40]], "float32")
    same(load(f"{tmp_path}/a.csv:weight"), [2, -40], "float32")
    same(load(f"{tmp_path}/a.csv:0", dtype="float64"), [1, 3.5], "float64")


def test_csv_without_header_or_with_other_delimiters(tmp_path):
    (tmp_path / "a.csv").write_text("1;2\n3;4\n")
    same(load(tmp_path / "a.csv"), [[1, 2], [3, 4]], "float32")
    (tmp_path / "b.csv").write_text("1\n2\n\n3\n")
    same(load(tmp_path / "b.csv"), [1, 2, 3], "float32")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,x\n", "row 1 after the header holds 'x' where a number is needed"),
        ("a,b\n1,\n", "row 1 after the header holds an empty cell where a number is needed"),
        ("1,2\n3\n", "row 2 has 1 cells, the first has 2"),
        ("", "is empty"),
    ],
)
def test_csv_that_is_wrong(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(FileError) as caught:
        load(tmp_path / "a.csv")
    assert message in str(caught.value)


def test_csv_column_that_is_not_there(tmp_path):
    (tmp_path / "a.csv").write_text("height,weight\n1,2\n")
    with pytest.raises(FileError) as caught:
        load(f"{tmp_path}/a.csv:weigth")
    assert caught.value.hint == f"did you mean @{tmp_path}/a.csv:weight?"


def test_json(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([[1, 2.5], ["NaN", "-Infinity"]]))
    same(load(tmp_path / "a.json"), [[1, 2.5], [np.nan, -np.inf]], "float32")
    (tmp_path / "b.json").write_text(json.dumps({"output": {"dtype": "int64", "shape": [2], "data": [1, 2]}}))
    same(load(f"{tmp_path}/b.json:output"), [1, 2], "int64")
    (tmp_path / "c.json").write_text(json.dumps({"dtype": "float64", "shape": [2, 0], "data": [[], []]}))
    same(load(tmp_path / "c.json"), np.zeros((2, 0)), "float64")
    (tmp_path / "d.json").write_text("3")
    same(load(tmp_path / "d.json"), 3, "float32")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2", "is not JSON"),
        ("[[1], [2, 3]]", "the rows of the list have different lengths"),
        ('["a"]', "holds 'a', which is no number"),
        ("[" * 500 + "]" * 500, "is nested"),
        ('{"a": 1}', "is a JSON object"),
    ],
)
def test_json_that_is_wrong(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FileError) as caught:
        load(tmp_path / "a.json")
    assert message in str(caught.value)


def test_standard_input():
    same(load("-", b"[1, 2]"), [1, 2], "float32")
    same(load("-", b"1\n2\n"), [1, 2], "float32")
    file = io.BytesIO()
    np.save(file, np.ones(2))
    same(load("-", file.getvalue()), [1, 1], "float64")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileError, match=r"cannot read .*: no such file or directory"):
        load(tmp_path / "none.npy")
    with pytest.raises(FileError, match="is a directory"):
        load(tmp_path)
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00")
    with pytest.raises(FileError, match="cannot read"):
        load(tmp_path / "a.npy")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="is neither npy, npz nor text"):
        load(tmp_path / "b.csv")
