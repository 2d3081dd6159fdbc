"""A checkpoint on disk and the frozen model made of it. Knows files, quantisation and its guards; no adapter.

Only safetensors are read, and no code of a checkpoint is ever run. What is
quantised is compared, name by name, with what a family says: patterns that
match nothing are silent.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.fetching import NotHere, may_fetch
from edt.students.checksums import remembered_checksum
from edt.students.hub.family import Family
from edt.students.hub.files import look_at
from edt.students.hub.hardware import Hardware, Numbers
from edt.students.quantisation import check_quantised, disarm, quiet

FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")
"""What is fetched of a repository: no pickled weights, no code."""
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def find_folder(model: str, *, revision: str | None) -> Path:
    """The folder of a checkpoint: a folder as it is, a name of the hub fetched into its cache.

    Raises EdtError where there is neither, and NotHere where it would be fetched by one who only looks.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if not HUB_NAME.fullmatch(model):
        raise EdtError(f"student.model={model!r} is no folder and no name of the hub (owner/name); give one of them")
    if not may_fetch():
        return _as_it_is_here(model, revision)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=list(FILES)))
    except Exception as error:  # what the hub's client raises is not a small family
        what = str(error).strip().partition("\n")[0]
        raise EdtError(
            f"student.model={model!r} could not be fetched ({type(error).__name__}: {what}); "
            "fetch it where there is a network, and give its folder: student.model=FOLDER"
        ) from None


def _as_it_is_here(model: str, revision: str | None) -> Path:
    """What the hub's cache has of it, whole; the newest revision is not asked for."""
    files = look_at(model, revision=revision, precision="auto", on_gpu=False)
    if files.folder is None:
        raise NotHere(f"student.model={model!r} is {files.sentence}")
    return files.folder


def checksum_of(folder: Path) -> str:
    """Over the names and contents of all model files; long ones are read once and remembered."""
    files = sorted(path for pattern in FILES for path in folder.glob(pattern))
    if not any(path.suffix == ".safetensors" for path in files):
        raise EdtError(f"{folder} has no .safetensors file; other kinds of weights are not read: they can run code")
    lines = [f"{path.name} {remembered_checksum(path)}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_config(folder: Path, family: Family) -> Any:
    """The checkpoint's configuration; raises EdtError where it is not of this family."""
    from transformers import AutoConfig

    try:
        config: Any = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        what = str(error).partition("\n")[0]
        raise EdtError(f"{folder} holds no model that transformers knows ({what}); name another folder") from None
    if config.model_type != family.model_type:
        raise EdtError(f"{folder} holds a {config.model_type!r}, and this student is a {family.model_type!r}")
    return config


def load_model(folder: Path, family: Family, *, numbers: Numbers, hardware: Hardware) -> Any:
    """The whole model, frozen, in eval mode, on the hardware's device.

    Raises EdtError where the folder holds another family or something against the plan was quantised.
    """
    import torch
    from transformers import AutoModelForImageTextToText

    config = read_config(folder, family)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    packed = numbers.weights == "nf4"
    with quiet(), torch.random.fork_rng(devices=[]):
        model: Any = AutoModelForImageTextToText.from_pretrained(
            folder,
            config=config,
            dtype=numbers.dtype,
            attn_implementation="sdpa",
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            quantization_config=_nf4(family, numbers) if packed else None,
            device_map={"": hardware.device} if packed or hardware.device != "cpu" else None,
        )
    model.requires_grad_(False)
    disarm(model)
    check_quantised(model, expected=linear_names(config, family) if packed else set())
    _keep_in_eval(getattr(model.model, family.tower))
    return model.eval()


def _nf4(family: Family, numbers: Numbers) -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=numbers.dtype,
        llm_int8_skip_modules=list(family.skip),
    )


def linear_names(config: Any, family: Family) -> set[str]:
    """The linear layers of the language model, from a model without weights."""
    import torch
    from transformers import AutoModelForImageTextToText

    with quiet(), contextlib.ExitStack() as stack:
        stack.enter_context(torch.device("meta"))
        empty: Any = AutoModelForImageTextToText.from_config(config)
    names = [name for name, part in empty.named_modules() if isinstance(part, torch.nn.Linear)]
    return {name for name in names if name.startswith(family.quantised)}


def _keep_in_eval(tower: Any) -> None:
    """A frozen tower stays as it is whatever its parent is put into: normalising by batches would drift."""
    tower.eval()
    tower.train = lambda mode=True: tower
