"""Records of a LLaVA-style file: what a sound one is. Knows JSON and the format's fields, no file and no storage.

    {"id": …, "image": "shard_01/x.jpg", "task_name": …, "conversations": [{"from": "human", "value": …}, …]}

`task_name` is Vision-Flan's; `image` is absent in text-only records. Everything
is checked, for what is wrong late in a file must not pass as text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

PICTURE = "<image>"
ROLES = {"human": 0, "user": 0, "gpt": 1, "assistant": 1}
LONGEST_TEXT = 1_000_000


class Bad(Exception):
    """Why a record is left out: a kind, the field, and words for a reader."""

    def __init__(self, kind: str, field: str, why: str) -> None:
        super().__init__(why)
        self.kind, self.field = kind, field


@dataclass(frozen=True, slots=True)
class Record:
    """A sound record; `turns` alternate between question and answer."""

    id: str
    image: str
    """Empty for text only."""
    task: str
    turns: tuple[str, ...]


def parse_record(data: Any) -> Record:
    """Raises Bad, with the field, where the data are no record."""
    if type(data) is not dict:
        raise Bad("wrong type", "", f"is {_kind(data)}, not an object")
    name = data.get("id")
    if type(name) is int:
        name = str(name)
    if type(name) is not str or not name.strip():
        raise Bad(
            "wrong type", "id", "is missing" if name is None else f"must be text or a whole number, not {name!r:.40}"
        )
    image = data.get("image")
    if image is None:
        image = ""
    elif type(image) is not str or not image.strip():
        raise Bad("wrong type", "image", f"must be a path, not {image!r:.40}")
    task = data.get("task_name")
    if task is None:
        task = ""
    elif type(task) is not str:
        raise Bad("wrong type", "task_name", f"must be text, not {_kind(task)}")
    return Record(name, image, task, _turns(data.get("conversations")))


def _turns(data: Any) -> tuple[str, ...]:
    where = "conversations"
    if type(data) is not list or not data:
        missing = data is None or data == []
        kind = "missing turns" if missing else "wrong type"
        raise Bad(kind, where, "has no turns" if missing else f"must be a list of turns, not {_kind(data)}")
    if len(data) % 2:
        raise Bad("missing turns", where, f"has {len(data)} turns; every question needs its answer")
    texts = []
    for number, turn in enumerate(data):
        if type(turn) is not dict:
            raise Bad("wrong type", f"{where}[{number}]", f"is {_kind(turn)}, not an object")
        role, text = turn.get("from"), turn.get("value")
        if type(role) is not str or type(text) is not str:
            field = "from" if type(role) is not str else "value"
            raise Bad("wrong type", f"{where}[{number}].{field}", f"must be text, not {_kind(turn.get(field))}")
        if ROLES.get(role) != number % 2:
            raise Bad("wrong type", f"{where}[{number}].from", f"is {role!r:.40}; turns go human, gpt, human, gpt")
        text = without_picture(text) if number % 2 == 0 else text.strip()
        if not text:
            raise Bad("empty turn", f"{where}[{number}].value", "is empty")
        if len(text) > LONGEST_TEXT:
            raise Bad(
                "wrong type", f"{where}[{number}].value", f"has {len(text):,} characters, more than {LONGEST_TEXT:,}"
            )
        texts.append(text)
    return tuple(texts)


def without_picture(text: str) -> str:
    """A question without the mark that says where its picture goes: it stands first or, in Vision-Flan, last."""
    return "\n".join(part.strip() for part in text.split(PICTURE)).strip()


def check_encodable(record: Record) -> None:
    """Raises Bad where a text holds half a surrogate pair, from broken UTF-8 or a cut escape."""
    for field, text in (("id", record.id), ("image", record.image), ("task_name", record.task)):
        _encodable(field, text)
    for number, text in enumerate(record.turns):
        _encodable(f"conversations[{number}].value", text)


def _encodable(field: str, text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Bad("broken UTF-8", field, "holds bytes that are no UTF-8") from None


def strict_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys come once; raises Bad otherwise."""
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Bad("wrong type", str(twice), "comes twice in one object")
    return data


def no_number(text: str) -> Any:
    """NaN and infinities are no JSON; raises Bad."""
    raise Bad("wrong type", "", f"holds {text}, which is no JSON")


STRICT = json.JSONDecoder(object_pairs_hook=strict_object, parse_constant=no_number)
LENIENT = json.JSONDecoder()


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
