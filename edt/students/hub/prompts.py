"""Samples as rows of token ids, by a checkpoint's own chat template. Knows words, sizes of pictures and no model.

A prompt and its reply are encoded as one text and parted afterwards, so that a
reply's ids are those that the model met when it was made. Every token of the
reply is supervised, its end mark included, whatever the template thinks of
masks: one without a mark for the assistant's words would leave nothing to learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.students.format import format_reply
from edt.students.hub.family import Facts, Family
from edt.students.hub.processor import Frame, Pictures, size_of
from edt.types import Sample

STYLES = ("steps", "plain")
STEPS = (
    "Reason in short numbered steps, each on a line of its own that begins with its number as in 'Step 1:'. "
    "Then give the final answer on a last line that begins with 'Answer:'."
)
DIRECT = "Give the final answer on a line that begins with 'Answer:'."


@dataclass(frozen=True, kw_only=True, slots=True)
class HubRow:
    """One sample in token ids. `reply` is empty where it is to be generated."""

    sample_id: str
    prompt: tuple[int, ...]
    reply: tuple[int, ...]
    image: Path | None
    facts: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __len__(self) -> int:
        return len(self.prompt) + len(self.reply)


class Prompts:
    """Rows of one checkpoint in one style.

    `steps` asks for numbered steps and an answer, or for the answer alone where
    a reply to be learnt has no steps. `plain` adds nothing to a question and
    takes the bare answer for the reply.
    """

    def __init__(self, pictures: Pictures, family: Family, *, style: str) -> None:
        self.pictures = pictures
        self._style = style
        tokenizer = pictures.tokenizer
        self.end: int = tokenizer.convert_tokens_to_ids(family.end)
        if self.end is None or self.end == tokenizer.unk_token_id:
            raise EdtError(f"the tokenizer has no {family.end!r}: this is no checkpoint of a {family.name}")
        self.stops = sorted({self.end, tokenizer.eos_token_id} - {None})
        self.pad: int = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.end
        marks = {pictures.image_token, *tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}
        self._marks = sorted((mark for mark in marks if len(mark) > 1), key=len, reverse=True)

    def rows(self, samples: Sequence[Sample], root: Path, *, with_reply: bool) -> list[HubRow]:
        """A row a sample, in order."""
        return [self.row(sample, root, reply=self.reply_of(sample) if with_reply else None) for sample in samples]

    def row(self, sample: Sample, root: Path, *, reply: str | None) -> HubRow:
        """Raises EdtError where the picture is missing or the template takes prompt and reply apart differently."""
        image = root / sample.image if sample.image else None
        frame = self.pictures.frame(size_of(image)) if image else None
        question = self._question(sample, steps=reply is None or bool(sample.rationale))
        prompt = self._ids(self._text(question, frame))
        return HubRow(
            sample_id=sample.id,
            prompt=tuple(prompt),
            reply=tuple(self._reply_ids(sample.id, question, frame, prompt, reply)) if reply is not None else (),
            image=image,
            facts=tuple(sorted(frame.facts.items())) if frame else (),
        )

    def options(self, sample: Sample, root: Path) -> tuple[HubRow, list[tuple[int, ...]]]:
        """The row of a question that is to be answered at once, and each option as the reply that gives it."""
        bare = _without_steps(sample)
        rows = [self.row(bare, root, reply=self.option_reply(option)) for option in sample.options]
        return rows[0], [row.reply for row in rows]

    def reply_of(self, sample: Sample) -> str:
        """What the student is to write."""
        return self._style_of(sample.rationale, sample.answer)

    def option_reply(self, option: str) -> str:
        """The reply that gives an option at once."""
        return self._style_of((), option)

    def text(self, ids: Sequence[int]) -> str:
        """The words of generated ids, up to the first end mark."""
        stop = next((place for place, token in enumerate(ids) if token in self.stops), len(ids))
        return self.pictures.tokenizer.decode(ids[:stop], skip_special_tokens=True).strip()

    def raw(self, ids: Sequence[int]) -> str:
        """The words of ids as they are, marks included."""
        return self.pictures.tokenizer.decode(ids, skip_special_tokens=False)

    def _style_of(self, rationale: Sequence[str], answer: str) -> str:
        return answer.strip() if self._style == "plain" else format_reply(rationale, answer)

    def _question(self, sample: Sample, *, steps: bool) -> str:
        style = "plain" if sample.direct else self._style
        return self._harmless(question_of(sample.question, style=style, steps=steps))

    def _harmless(self, text: str) -> str:
        """Marks inside a user's words are broken up, so that they are read as words."""
        for mark in self._marks:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text

    def _text(self, question: str, frame: Frame | None, reply: str | None = None) -> str:
        picture = [{"type": "image"}] if frame else []
        turns: list[dict[str, Any]] = [{"role": "user", "content": [*picture, {"type": "text", "text": question}]}]
        if reply is not None:
            turns.append({"role": "assistant", "content": [{"type": "text", "text": reply}]})
        text = self.pictures.tokenizer.apply_chat_template(
            turns, chat_template=self.pictures.template, tokenize=False, add_generation_prompt=reply is None
        )
        return text.replace(self.pictures.image_token, frame.text, 1) if frame else text

    def _ids(self, text: str) -> list[int]:
        tokenizer = self.pictures.tokenizer
        start = tokenizer.bos_token
        return tokenizer(text, add_special_tokens=not (start and text.startswith(start)))["input_ids"]

    def _reply_ids(
        self, sample_id: str, question: str, frame: Frame | None, prompt: list[int], reply: str
    ) -> list[int]:
        whole = self._ids(self._text(question, frame, self._harmless(reply)))
        if whole[: len(prompt)] != prompt:
            raise EdtError(
                f"sample {sample_id!r}: with its reply the prompt has other tokens, so the chat template of this "
                "checkpoint cannot be tuned with; use the template that the checkpoint was published with"
            )
        ids = whole[len(prompt) :]
        if self.end in ids:
            return ids[: ids.index(self.end) + 1]
        while ids and not self.pictures.tokenizer.decode(ids[-1:]).strip():
            ids.pop()  # a template's own blank after the reply
        return [*ids, self.end] if ids else []


class Rehearsal:
    """The rows that tuning would see, by a checkpoint's processor alone."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts

    def rows(self, samples: Sequence[Sample], root: Path) -> list[HubRow]:
        """As `training_rows`."""
        return training_rows(self._prompts, samples, root)

    def words(self, row: HubRow) -> str:
        """The supervised tokens of a row, marks included."""
        return self._prompts.raw(row.reply)


def training_rows(prompts: Prompts, samples: Sequence[Sample], root: Path) -> list[HubRow]:
    """Rows with replies, in order; EdtError names one without supervised tokens or with damaged image tokens."""
    rows = prompts.rows(samples, root, with_reply=True)
    image = prompts.pictures.image_id
    for row in rows:
        if not row.reply:
            raise EdtError(f"sample {row.sample_id!r} has no supervised tokens; it needs an answer")
        if (image in row.prompt) is not (row.image is not None) or image in row.reply:
            raise EdtError(f"sample {row.sample_id!r} has image tokens in the wrong place; its template is damaged")
    return rows


def question_of(question: str, *, style: str, steps: bool) -> str:
    """A question with what is asked of the reply's form."""
    question = question.strip()
    return question if style == "plain" else f"{question}\n{STEPS if steps else DIRECT}"


def facts_of(row: HubRow) -> Facts:
    return dict(row.facts)


def _without_steps(sample: Sample) -> Sample:
    return replace(sample, rationale=())
