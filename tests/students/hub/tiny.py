"""Checkpoints of the real architectures at a few thousand random weights, saved as the hub has them.

What is small is the sizes: configurations, tokenizers' kinds, chat templates'
forms and image processors are those of the published models.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from edt.students.hub.student import HubStudent
from edt.students.llava import Llava
from edt.students.llava_onevision import LlavaOnevision
from edt.students.qwen2_vl import Qwen2Vl, Qwen25Vl
from edt.students.smolvlm import SmolVlm
from edt.types import Sample

COLOURS = ("red", "green", "blue")
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "initializer_range": 0.3,
}
VICUNA = (
    "{% for m in messages %}{{ m.role.upper() + ': ' }}"
    "{% for c in m.content if c.type == 'image' %}{{ '<image>\n' }}{% endfor %}"
    "{% for c in m.content if c.type == 'text' %}{{ c.text + ' ' }}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


def chatml(picture: str, *, system: bool) -> str:
    first = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n" if system else ""
    return (
        f"{{{{ '{first}' }}}}".replace("\n", "\\n") + "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
        "{% for c in m.content %}{% if c.type == 'image' %}{{ '" + picture.replace("\n", "\\n") + "' }}"
        "{% else %}{{ c.text }}{% endif %}{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )


UTTERANCE = (
    "<|im_start|>{% for m in messages %}{{ m.role | capitalize }}"
    "{% if m.content[0].type == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for c in m.content %}{% if c.type == 'image' %}{{ '<image>' }}{% else %}{{ c.text }}{% endif %}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """One family's recipe."""

    student: Callable[..., HubStudent]
    marks: Mapping[str, str]
    """Special tokens by what the tokenizer calls them."""
    others: tuple[str, ...] = ()
    template: str
    config: Callable[[Mapping[str, int]], Any]
    """The model's configuration, from the ids of tokens."""
    image_processor: Callable[[], Any]
    processor: Mapping[str, Any]
    """processor_config.json"""
    sentencepiece: bool = False


def tokenizer_of(recipe: Tiny) -> Any:
    """Byte-level, or with a Llama's spaces and byte fallback."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    marks = list(dict.fromkeys([*recipe.marks.values(), *recipe.others]))
    if recipe.sentencepiece:
        letters = [*(f"<0x{n:02X}>" for n in range(256)), "▁", *map(chr, range(33, 127))]
        vocab = {token: n for n, token in enumerate(["<unk>", *marks, *letters, "▁t", "▁A"])}
        raw = Tokenizer(models.BPE(vocab=vocab, merges=[("▁", "t"), ("▁", "A")], unk_token="<unk>", byte_fallback=True))
        raw.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        raw.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
        from tokenizers.processors import TemplateProcessing

        raw.post_processor = TemplateProcessing(
            single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", vocab["<s>"])]
        )
    else:
        letters = sorted(pre_tokenizers.ByteLevel.alphabet())
        vocab = {token: n for n, token in enumerate([*marks, *letters, "Ġt"])}
        raw = Tokenizer(models.BPE(vocab=vocab, merges=[("Ġ", "t")]))
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.decoder = decoders.ByteLevel()
    standard = {k: v for k, v in recipe.marks.items() if k in ("bos_token", "eos_token", "pad_token", "unk_token")}
    extra = {k: v for k, v in recipe.marks.items() if k not in standard}
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=raw, **standard, extra_special_tokens=extra)
    tokenizer.add_tokens([AddedToken(mark, special=True) for mark in recipe.others])
    return tokenizer


def save(recipe: Tiny, folder: Path, *, seed: int = 0) -> Path:
    """The recipe's checkpoint in `folder`."""
    from transformers import AutoModelForImageTextToText

    tokenizer = tokenizer_of(recipe)
    ids = tokenizer.get_vocab()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForImageTextToText.from_config(recipe.config(ids))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    recipe.image_processor().save_pretrained(folder)
    (folder / "processor_config.json").write_text(json.dumps(recipe.processor))
    (folder / "chat_template.jinja").write_text(recipe.template)
    return folder


def _llava(ids: Mapping[str, int]) -> Any:
    import transformers
    from transformers import CLIPVisionConfig, LlamaConfig

    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=28, patch_size=14,
        projection_dim=32,
    )  # fmt: skip
    text = LlamaConfig(**TEXT, vocab_size=len(ids), bos_token_id=ids["<s>"], eos_token_id=ids["</s>"])
    config: Any = transformers.LlavaConfig
    return config(
        vision_config=vision, text_config=text, image_token_id=ids["<image>"], vision_feature_layer=-2,
        vision_feature_select_strategy="default",
    )  # fmt: skip


def _clip() -> Any:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    return CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})


def _qwen(kind: str, text_kind: str, **vision: Any) -> Callable[[Mapping[str, int]], Any]:
    def config(ids: Mapping[str, int]) -> Any:
        import transformers

        rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
        return getattr(transformers, kind)(
            vision_config={"depth": 2, "num_heads": 4, "patch_size": 14, "spatial_merge_size": 2, **vision},
            text_config={**TEXT, "vocab_size": len(ids), "rope_parameters": rope, "bos_token_id": None,
                         "eos_token_id": ids["<|im_end|>"]},
            image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
            vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
        )  # fmt: skip

    return config


def _qwen_pixels() -> Any:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    return Qwen2VLImageProcessorPil(size={"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 12})


def _siglip(**sizes: Any) -> dict[str, Any]:
    return {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, **sizes}


def _onevision(ids: Mapping[str, int]) -> Any:
    import transformers

    config: Any = transformers.LlavaOnevisionConfig
    return config(
        vision_config={"model_type": "siglip_vision_model", **_siglip(image_size=28, patch_size=14)},
        text_config={"model_type": "qwen2", **TEXT, "vocab_size": len(ids), "eos_token_id": ids["<|im_end|>"]},
        image_token_id=ids["<image>"], video_token_id=ids["<video>"], vision_feature_layer=-1,
        vision_feature_select_strategy="full", vision_aspect_ratio="anyres_max_9",
        image_grid_pinpoints=[[28, 28], [28, 56], [56, 28], [56, 56]],
    )  # fmt: skip


def _onevision_pixels() -> Any:
    from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil

    return LlavaOnevisionImageProcessorPil(
        size={"height": 28, "width": 28}, image_grid_pinpoints=[[28, 28], [28, 56], [56, 28], [56, 56]]
    )


def _smolvlm(ids: Mapping[str, int], kind: str = "SmolVLMConfig") -> Any:
    import transformers

    return getattr(transformers, kind)(
        vision_config=_siglip(image_size=28, patch_size=7),
        text_config={"model_type": "llama", **TEXT, "vocab_size": len(ids), "eos_token_id": ids["<end_of_utterance>"],
                     "pad_token_id": ids["<pad>"]},
        image_token_id=ids["<image>"], pad_token_id=ids["<pad>"], scale_factor=2,
    )  # fmt: skip


def _smolvlm_pixels() -> Any:
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    return SmolVLMImageProcessorPil(size={"longest_edge": 56}, max_image_size={"longest_edge": 28})


def idefics3() -> Tiny:
    """The example of CONTRIBUTING.md, its student left to whoever reads it there."""
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    return replace(
        TINY["smolvlm"],
        config=lambda ids: _smolvlm(ids, "Idefics3Config"),
        image_processor=lambda: Idefics3ImageProcessorPil(
            size={"longest_edge": 56}, max_image_size={"longest_edge": 28}
        ),
        processor={"processor_class": "Idefics3Processor", "image_seq_len": 4},
    )


_CHATML = {"eos_token": "<|im_end|>", "pad_token": "<pad>"}
_QWEN_MARKS = ("<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
TINY: dict[str, Tiny] = {
    "llava": Tiny(
        student=Llava,
        marks={"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "image_token": "<image>"},
        template=VICUNA,
        config=_llava,
        image_processor=_clip,
        processor={
            "processor_class": "LlavaProcessor",
            "patch_size": 14,
            "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1,
        },
        sentencepiece=True,
    ),
    "qwen2_vl": Tiny(
        student=Qwen2Vl,
        marks=_CHATML,
        others=_QWEN_MARKS,
        template=chatml("<|vision_start|><|image_pad|><|vision_end|>", system=True),
        config=_qwen("Qwen2VLConfig", "qwen2_vl_text", embed_dim=32, hidden_size=32, mlp_ratio=2),
        image_processor=_qwen_pixels,
        processor={"processor_class": "Qwen2VLProcessor"},
    ),
    "qwen2_5_vl": Tiny(
        student=Qwen25Vl,
        marks=_CHATML,
        others=_QWEN_MARKS,
        template=chatml("<|vision_start|><|image_pad|><|vision_end|>", system=True),
        config=_qwen(
            "Qwen2_5_VLConfig",
            "qwen2_5_vl_text",
            hidden_size=32,
            out_hidden_size=32,
            intermediate_size=48,
            fullatt_block_indexes=[1],
            window_size=28,
        ),
        image_processor=_qwen_pixels,
        processor={"processor_class": "Qwen2_5_VLProcessor"},
    ),
    "llava_onevision": Tiny(
        student=LlavaOnevision,
        marks={**_CHATML, "image_token": "<image>", "video_token": "<video>"},
        others=("<|im_start|>",),
        template=chatml("<image>\n", system=False),
        config=_onevision,
        image_processor=_onevision_pixels,
        processor={
            "processor_class": "LlavaOnevisionProcessor",
            "num_image_tokens": 4,
            "vision_feature_select_strategy": "full",
            "vision_aspect_ratio": "anyres_max_9",
        },
    ),
    "smolvlm": Tiny(
        student=SmolVlm,
        marks={
            "bos_token": "<|im_start|>",
            "eos_token": "<end_of_utterance>",
            "pad_token": "<pad>",
            "image_token": "<image>",
            "fake_image_token": "<fake_token_around_image>",
            "global_image_token": "<global-img>",
            "end_of_utterance_token": "<end_of_utterance>",
        },
        others=tuple(f"<row_{row}_col_{col}>" for row in range(1, 3) for col in range(1, 3)),
        template=UTTERANCE,
        config=_smolvlm,
        image_processor=_smolvlm_pixels,
        processor={"processor_class": "SmolVLMProcessor", "image_seq_len": 4},
    ),
}


def pictures(root: Path) -> Path:
    """Three pictures of different shapes under `root/images`."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    for number, (width, height) in enumerate(((40, 40), (64, 30), (30, 90))):
        pixels = np.random.default_rng(number).integers(0, 60, (height, width, 3)).astype(np.uint8)
        pixels[:, :, number] += 180
        Image.fromarray(pixels).save(root / "images" / f"{COLOURS[number]}.png")
    return root


def samples(num: int) -> list[Sample]:
    """Questions of several lengths about the three pictures."""
    return [
        Sample(
            id=f"s{number}",
            image=f"images/{COLOURS[number % 3]}.png",
            question="Which colour" + " is it, then" * (number % 4) + "?",
            options=COLOURS,
            answer=COLOURS[number % 3],
            rationale=(f"It is {COLOURS[number % 3]}.",) if number % 2 else (),
        )
        for number in range(num)
    ]


def student(root: Path, name: str, **settings: Any) -> HubStudent:
    """A student of the checkpoint in `root/NAME`, its features kept under `root`."""
    return TINY[name].student(
        **{
            "model": str(root / name),
            "precision": "fp32",
            "device": "cpu",
            "max_new_tokens": 8,
            "features": str(root / "features"),
            "progress": False,
            **settings,
        }
    )
