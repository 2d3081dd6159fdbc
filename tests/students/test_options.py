from dataclasses import replace

import pytest
import torch

from edt.students.format import format_reply
from edt.students.options import weigh_options
from tests.students.tiny import COLOURS, samples, student


def test_options_in_one_forward_are_options_one_by_one(pocket):
    core = student(pocket).dress()
    asked = [replace(sample, options=COLOURS) for sample in samples(5)]
    together = weigh_options(core, asked, pocket, batch_size=2)
    for sample, logs in zip(asked, together, strict=True):
        assert len(logs) == len(COLOURS)
        for option, found in zip(COLOURS, logs, strict=True):
            (row,) = core.rows([replace(sample, rationale=(), answer=option)], pocket)
            batch = core.collate([row])
            assert core.chat.text(list(row.reply)) == format_reply((), option)
            with torch.no_grad():
                mean = core.model.loss(batch)
            assert found == pytest.approx(-float(mean) * len(row.reply), rel=1e-3, abs=1e-3)
    assert weigh_options(core, asked, pocket, batch_size=5) == [pytest.approx(logs, abs=1e-3) for logs in together]
