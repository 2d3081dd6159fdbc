"""One table: plan, run what is missing, render.

    python sweep.py table=main action=plan       cells, distinct stages, what exists, what it will cost
    python sweep.py table=main jobs=2            run what is missing, go on past failures, render
    python sweep.py table=main action=render     every output again from cells.csv and its neighbours, byte for byte

Tables are described in experiments/NAME.yaml; tasks=, methods=, scales= and seeds= take a part of one.
on_error=stop starts nothing more after a failure. Any other key=value is an option of run.py, for every cell.
Given again, the same command goes on where it stopped and runs failed cells again.
"""

from __future__ import annotations

import sys

from edt.cli import say_errors
from edt.process import prepare_process


def main() -> None:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return
    from edt.sweep.command import sweep

    sweep(arguments)


if __name__ == "__main__":
    prepare_process()
    sys.exit(say_errors(main))
