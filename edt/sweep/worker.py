"""One cell in a process of its own: python -m edt.sweep.worker FOLDER CONFIG_DIR OVERRIDES…

Started by a sweep. Writes what `run.py` writes; the exit code says how it ended.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edt.cli import say_errors
from edt.process import prepare_script


def main() -> None:
    from edt.experiment import compose, perform

    folder, config_dir, *overrides = sys.argv[1:]
    config = compose(overrides, config_dir=Path(config_dir) if config_dir else None)
    perform(config, Path(folder))


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
