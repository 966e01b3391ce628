"""Which word was probably meant."""

from gradcli.suggest import edits, nearest


def test_edits():
    assert [edits(*pair) for pair in [("mean", "mean"), ("maen", "mean"), ("men", "mean"), ("", "abc")]] == [0, 1, 1, 3]


def test_nearest():
    assert nearest("meen", ["mean", "sum"]) == "mean"
    assert nearest("sotfmax", ["softmax", "softmin"]) == "softmax"
    assert nearest("floa32", ["float32", "float64"]) == "float32"


def test_too_short_or_too_far():
    assert nearest("x", ["xy", "y"]) is None
    assert nearest("abc", ["xyz"]) is None
    assert nearest("xyz", ["x"]) is None
