"""Programs as the public writes them print what PyTorch prints for them, through the API and by `gradcli run`."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from gradcli import Session
from gradcli.cli.main import run_command
from gradcli.environment import Environment

HERE = Path(__file__).parent
PROGRAMS = sorted((HERE / "programs").glob("*.py"))
# (program, names of which version, what it prints)
RECORDED = [
    (program, names, program.with_suffix(ending))
    for program in PROGRAMS
    for names, ending in (("torch2", ".out"), ("torch1", ".torch1.out"))
    if program.with_suffix(ending).exists()
]
IDS = [f"{program.stem}-{names}" for program, names, _ in RECORDED]


@pytest.mark.parametrize(("program", "names", "recorded"), RECORDED, ids=IDS)
def test_session(program: Path, names: str, recorded: Path) -> None:
    printed = Session(names=names).run(program.read_text(encoding="utf-8"))
    assert printed == recorded.read_text(encoding="utf-8")


@pytest.mark.parametrize(("program", "names", "recorded"), RECORDED, ids=IDS)
def test_command(program: Path, names: str, recorded: Path, tmp_path: Path) -> None:
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(3)]
    status = run_command(["run", "--names", names, str(program)], Environment(*streams, {"HOME": str(tmp_path)}))
    out, err = (stream.buffer.getvalue().decode() for stream in streams[1:])
    assert (status, err) == (0, "")
    assert out == recorded.read_text(encoding="utf-8")


def test_each_program_is_recorded() -> None:
    assert len(PROGRAMS) >= 15
    assert [p.name for p in PROGRAMS if not p.with_suffix(".out").exists()] == []


@pytest.mark.torch
@pytest.mark.slow
def test_live_torch_prints_what_is_recorded() -> None:
    subprocess.run([sys.executable, str(HERE / "record.py"), "--check"], check=True)
