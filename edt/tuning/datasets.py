"""Picked samples as other trainers' datasets: LLaMA-Factory, ms-swift, TRL. Knows their fields; trains nothing.

Pictures stay where they are: files name them by absolute paths. What each
sample was picked for goes into a file beside, a line a sample in the same order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.paths import write_whole
from edt.students.format import format_reply
from edt.students.hub.prompts import question_of
from edt.types import Pick, Sample, to_json

IMAGE = "<image>"
MARKS = (IMAGE, "<video>", "<audio>", "<bbox>", "<ref-object>", "<cot-process>", "<start-image>")
"""What LLaMA-Factory and ms-swift take for a place of something beside the text, wherever it stands."""
LINEAGE = "lineage.jsonl"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A sample as one question and its reply."""

    question: str
    reply: str
    images: tuple[str, ...]


def exchange_of(sample: Sample, root: Path, *, style: str) -> Exchange:
    """In the words that a hub student is tuned with; raises EdtError where the picture is missing."""
    image = (root / sample.image).absolute() if sample.image else None
    if image is not None and not image.is_file():
        raise EdtError(f"picture {image} of sample {sample.id!r} is missing; see where the dataset's images are")
    words = question_of(sample.question, style=style, steps=bool(sample.rationale))
    reply = sample.answer.strip() if style == "plain" else format_reply(sample.rationale, sample.answer)
    return Exchange(question=words, reply=reply, images=(str(image),) if image else ())


def _marked(exchange: Exchange) -> dict[str, Any]:
    """Messages whose picture is marked in the question; marks that were in a user's words are broken up."""
    question, reply = _harmless(exchange.question), _harmless(exchange.reply)
    messages = [
        {"role": "user", "content": IMAGE * len(exchange.images) + question},
        {"role": "assistant", "content": reply},
    ]
    return {"messages": messages, "images": list(exchange.images)}


def _harmless(text: str) -> str:
    for mark in MARKS:
        text = text.replace(mark, f"< {mark[1:]}")
    return text


def _llamafactory(rows: Sequence[Exchange]) -> dict[str, str]:
    about = {
        "selection": {
            "file_name": "selection.json",
            "formatting": "sharegpt",
            "columns": {"messages": "messages", "images": "images"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
            },
        }
    }
    data = json.dumps([_marked(row) for row in rows], ensure_ascii=False, indent=1)
    return {"selection.json": data + "\n", "dataset_info.json": json.dumps(about, indent=1) + "\n"}


def _ms_swift(rows: Sequence[Exchange]) -> dict[str, str]:
    return {"selection.jsonl": _lines([_marked(row) for row in rows])}


def _trl(rows: Sequence[Exchange]) -> dict[str, str]:
    """Prompt and completion apart, so that only the completion is learnt; the trainer marks the picture itself."""
    lines = [
        {
            "prompt": [{"role": "user", "content": row.question}],
            "completion": [{"role": "assistant", "content": row.reply}],
            "images": list(row.images),
        }
        for row in rows
    ]
    return {"selection.jsonl": _lines(lines)}


FORMATS: Mapping[str, Callable[[Sequence[Exchange]], dict[str, str]]] = {
    "llamafactory": _llamafactory,
    "ms_swift": _ms_swift,
    "trl": _trl,
}
HINTS = {
    "llamafactory": "llamafactory-cli train … --dataset_dir {folder} --dataset selection",
    "ms_swift": "swift sft … --dataset {folder}/selection.jsonl",
    "trl": 'load_dataset("json", data_files="{folder}/selection.jsonl").cast_column("images", [Image()])',
}


def write_dataset(
    folder: Path, picks: Sequence[Pick], samples: Mapping[str, Sample], root: Path, *, kind: str, style: str
) -> list[Path]:
    """The picked samples in `folder`, in the order of the picks; the files that were written."""
    if missing := [pick.sample_id for pick in picks if pick.sample_id not in samples]:
        raise EdtError(
            f"{len(missing)} picked samples are not in the supporting dataset any more, first {missing[0]!r}; "
            "give the run the data that it was made with"
        )
    rows = [exchange_of(samples[pick.sample_id], root, style=style) for pick in picks]
    files = {**FORMATS[kind](rows), LINEAGE: _lines([to_json(pick) for pick in picks])}
    for name, text in files.items():
        write_whole(folder / name, text)
    return [folder / name for name in files]


def _lines(values: Sequence[Any]) -> str:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
