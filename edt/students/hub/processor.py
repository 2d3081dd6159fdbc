"""A family's processor with and without torchvision, and the words that stand for a picture. Knows no model.

Without torchvision, image processors work through PIL, and processors that
insist on one for videos are built without it: none is ever used here.
"""

from __future__ import annotations

import importlib.util
import inspect
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.students.hub.family import Facts, Family

ORIENTATION = 0x0112
"""The EXIF entry that says how a picture is to be turned; from 5 on its sides change places."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a picture of some size comes to: the words that stand for it, and the family's facts."""

    text: str
    facts: Facts


class Pictures:
    """The processor of one checkpoint."""

    def __init__(self, folder: Path, family: Family) -> None:
        self.processor: Any = load_processor(folder, family)
        self.tokenizer: Any = self.processor.tokenizer
        self.template: str | None = self.processor.chat_template or self.tokenizer.chat_template
        if not self.template:
            raise EdtError(f"{folder} has no chat template; the checkpoint of a model that chats has one")
        self.image_token: str = self.processor.image_token
        self.image_id: int = self.tokenizer.convert_tokens_to_ids(self.image_token)
        self._family = family
        self._frames: dict[tuple[int, int], Frame] = {}

    def frame(self, size: tuple[int, int]) -> Frame:
        """Of a picture of (width, height). A blank one of that size stands for it, so that nothing is decoded."""
        from PIL import Image

        if self._family.one_size and self._frames:
            return next(iter(self._frames.values()))
        if size not in self._frames:
            inputs = self.pixels(Image.new("RGB", size), tensors=None)
            text = self.processor.replace_image_token(inputs, 0)
            facts = {name: tuple(int(side) for side in inputs[name][0]) for name in self._family.facts}
            self._frames[size] = Frame(text=text, facts=facts)
        return self._frames[size]

    def pixels(self, image: Any, *, tensors: str | None = "pt") -> Mapping[str, Any]:
        """The image processor's output for one picture."""
        return self.processor.image_processor(images=[image], return_tensors=tensors, **self._family.image_options)

    def fingerprint(self) -> dict[str, Any]:
        """Everything that a picture's pixels go through: without and with torchvision they differ a little."""
        settings = self.processor.image_processor.to_dict()
        return {"class": type(self.processor.image_processor).__name__, **settings, **self._family.image_options}


def load_processor(folder: Path, family: Family) -> Any:
    """The family's processor; raises EdtError where the folder has none.

    Its class comes from the family, not from the folder: of a folder that a
    class of one's own was saved in, `AutoProcessor` makes the bare tokenizer.
    """
    import transformers

    kind: Any = getattr(transformers, family.processor)
    safe = {"local_files_only": True, "trust_remote_code": False}
    try:
        if importlib.util.find_spec("torchvision") is not None:
            return kind.from_pretrained(folder, **safe)
        images = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil", **safe)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **safe)
        said, _ = kind.get_processor_dict(folder, **safe)
        takes = inspect.signature(kind.__init__).parameters.keys() - {*kind.get_attributes(), "self"}
        settings = {name: value for name, value in said.items() if name in takes}
        return without_video(kind)(image_processor=images, tokenizer=tokenizer, **settings)
    except (OSError, ValueError, TypeError) as error:
        what = str(error).partition("\n")[0]
        raise EdtError(f"{folder} holds no {family.processor} ({what}); name the folder of a {family.name}") from None


def without_video(kind: Any) -> Any:
    """A processor's class whose construction asks for no video processor; itself, where it never did."""
    if "video_processor" not in kind.get_attributes():
        return kind

    class WithoutVideo(kind):
        def __init__(self, image_processor: Any = None, tokenizer: Any = None, **settings: Any) -> None:
            super().__init__(image_processor, tokenizer, None, **settings)

    return WithoutVideo


def size_of(path: Path) -> tuple[int, int]:
    """(width, height) of a picture as it is looked at, from its header; EdtError, naming it, where it is broken."""
    with _open(path, path) as image:
        turned = _says_how_to_turn(image) and image.getexif().get(ORIENTATION, 1) >= 5
        return (image.height, image.width) if turned else image.size


def decode(content: bytes, path: Path) -> Any:
    """The picture in RGB, turned as its EXIF data say; EdtError, naming the file, where it is broken."""
    from PIL import ImageOps

    with _open(io.BytesIO(content), path) as image:
        turn = _says_how_to_turn(image)
        try:
            return (ImageOps.exif_transpose(image) if turn else image).convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise _broken(path, error) from None


def _says_how_to_turn(image: Any) -> bool:
    """Whether EXIF data stand in the header: asked otherwise, PIL decodes a whole PNG to look for them at its end."""
    return "exif" in image.info


def _open(source: Any, path: Path) -> Any:
    from PIL import Image

    try:
        return Image.open(source)
    except FileNotFoundError:
        raise EdtError(
            f"picture {path} is missing; see where the dataset's images are, or leave the sample out"
        ) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _broken(path, error) from None


def _broken(path: Path, error: Exception) -> EdtError:
    return EdtError(f"picture {path} is broken ({error}); get it again, or leave the sample out")
