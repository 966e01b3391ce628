"""Record what PyTorch prints for the golden programs: run by somebody who has PyTorch 2 (`pip install torch==2.13.0`).

    python tests/golden/record.py [NAME ...] [--check]

Each `programs/NAME.py` is run as it stands; `programs/NAME.out` becomes what it printed. A comment
`# torch1: MeanBackward0=MeanBackward1 ...` in a program gives the names of PyTorch 1.0 for those that it prints, and
makes `NAME.torch1.out`. With --check nothing is written, and the exit status is 1 when something differs.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"


def printed_by_torch(program: Path) -> str:
    """What Python and PyTorch print; addresses are left out, as they differ from run to run."""
    done = subprocess.run([sys.executable, "-W", "ignore", str(program)], capture_output=True, text=True, check=True)
    return re.sub(r" object at 0x[0-9a-f]+>", ">", done.stdout)


def with_torch1_names(text: str, program: Path) -> str | None:
    """The text with PyTorch 1.0's names, where the program says what they are."""
    found = re.search(r"^# torch1: (.*)$", program.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        return None
    names = dict(pair.split("=") for pair in found[1].split())
    if missing := set(re.findall(r"\w+Backward\w*", text)) - set(names):
        raise SystemExit(f"{program.name}: its torch1 line lacks {', '.join(sorted(missing))}")
    return re.sub(r"\w+Backward\w*", lambda name: names[name[0]], text)


def main() -> int:
    """Record (or compare) the programs that are named, or all."""
    parser = argparse.ArgumentParser(description="Record what PyTorch prints for the golden programs.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something differs")
    options = parser.parse_args()
    different = 0
    for program in sorted(PROGRAMS.glob("*.py")):
        if options.names and program.stem not in options.names:
            continue
        text = printed_by_torch(program)
        for ending, wanted in ((".out", text), (".torch1.out", with_torch1_names(text, program))):
            target = program.with_suffix(ending)
            if wanted is None or (target.exists() and target.read_text(encoding="utf-8") == wanted):
                continue
            different += 1
            print(f"{target.name} {'differs' if options.check else 'written'}")
            if not options.check:
                target.write_text(wanted, encoding="utf-8")
    return 1 if options.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
