"""The text of numpy arrays."""

from __future__ import annotations

import numpy as np

from gradcli.render.numpytext import array_repr, array_text


def test_arrays() -> None:
    array = np.array([[1.5, 2], [3, 4]], np.float32)
    assert array_text(array) == "[[1.5 2. ]\n [3.  4. ]]"
    assert array_repr(array) == "array([[1.5, 2. ],\n       [3. , 4. ]], dtype=float32)"


def test_single_elements() -> None:
    assert array_text(np.float32(0.1)) == "0.1"
    assert array_repr(np.float32(0.1)) == "np.float32(0.1)"
    assert array_repr(np.array(0.1)) == "array(0.1)"


def test_options_that_were_set_do_not_matter() -> None:
    array = np.array([1 / 3, np.nan])
    with np.printoptions(precision=2, nanstr="?", legacy="1.13"):
        assert array_text(array) == "[0.33333333        nan]"
        assert array_repr(array) == "array([0.33333333,        nan])"
