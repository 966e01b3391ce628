"""Programs out of notebooks and Markdown."""

import json

import pytest

from gradcli.cli.documents import markdown_cells, notebook_cells
from gradcli.errors import FileError


def notebook(*cells):
    return json.dumps({"cells": list(cells), "nbformat": 4})


def code(source, *outputs, count=1):
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "execution_count": count}


STREAM = {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]}
ERRORS = {"output_type": "stream", "name": "stderr", "text": "warning"}
RESULT = {"output_type": "execute_result", "data": {"text/plain": ["tensor(1.)"]}}


def test_code_cells_alone():
    text = notebook({"cell_type": "markdown", "source": "x"}, code(["x = 1\n", "x"]), code("%matplotlib inline\ny"))
    cells = notebook_cells(text, "n.ipynb")
    assert [cell.source.text for cell in cells] == ["x = 1\nx", "\ny"]
    assert [cell.source.name for cell in cells] == ["n.ipynb, cell 1", "n.ipynb, cell 2"]
    assert {cell.shows for cell in cells} == {"last"}


def test_recorded_output():
    cells = notebook_cells(notebook(code("x", STREAM, ERRORS, RESULT), code("y", count=None)), "n.ipynb")
    assert [cell.recorded for cell in cells] == ["a\nb\ntensor(1.)\n", None]
    assert cells[0].exact


def test_cells_of_other_languages_are_left_out():
    assert notebook_cells(notebook(code("%%bash\nls")), "n.ipynb")[0].source.text == ""


def test_notebooks_of_format_3():
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1", "outputs": []}]}]}
    assert [cell.source.text for cell in notebook_cells(json.dumps(old), "n.ipynb")] == ["x = 1"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_files_that_are_no_notebooks(text):
    with pytest.raises(FileError, match=r"n\.ipynb is not a notebook"):
        notebook_cells(text, "n.ipynb")


MARKDOWN = """\
Prose with `code`.

```python
x = 1
print(x)
```

```
1
```

```pycon
>>> x + 1
2
```

```
>>> x
1
```

```bash
ls
```

- in a list

  ~~~py
  y = 2
  ~~~

More prose.

```
z = 3
```

And more.

```
just some words
```
"""


def test_markdown():
    cells = markdown_cells(MARKDOWN, "d.md")
    assert [cell.source.text for cell in cells] == ["x = 1\nprint(x)", "x + 1", "x", "y = 2", "z = 3"]
    assert [cell.source.first_line for cell in cells] == [4, 13, 18, 29, 35]
    assert [cell.recorded for cell in cells] == ["1", "2", "1", None, None]
    assert [cell.shows for cell in cells] == ["none", "each", "each", "none", "none"]
