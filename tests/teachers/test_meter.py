"""What is asked is counted, and changes no answer."""

import pytest

from edt.protocols import Cost, Priced, Rationale
from edt.teachers.fakes import ScriptedTeacher
from edt.teachers.meter import Meter, cost_of

RATIONALE = Rationale(head="What?\n", steps=("one\n", "two\n"), probe="so", options=(" a", " b"))


class Dear(ScriptedTeacher):
    """A dollar and ten tokens a prompt."""

    def cost(self, prompts, *, max_tokens):
        return Cost(calls=len(prompts), tokens_in=10 * len(prompts), tokens_out=0, usd=float(len(prompts)))

    def cost_to_weigh(self, rationales):
        return Cost(calls=3 * len(rationales), tokens_in=0, tokens_out=0, usd=3.0 * len(rationales))

    def expected(self, prompts, *, max_tokens):
        return None

    def spent(self):
        return self.cost(self.prompts, max_tokens=0)

    def asked(self):
        return Cost(calls=len(self.prompts), tokens_in=10 * len(self.prompts), tokens_out=0, usd=0.0)


def test_a_priced_teacher_says_its_own_price():
    assert isinstance(Dear(), Priced)
    assert not isinstance(ScriptedTeacher(), Priced)
    assert cost_of(Dear(), ["a", "b"], max_tokens=8).usd == 2.0
    assert cost_of(ScriptedTeacher(), ["word" * 10], max_tokens=8) == Cost(calls=1, tokens_in=10, tokens_out=8, usd=0.0)


def test_answers_are_the_teachers_own_and_calls_are_counted():
    teacher = ScriptedTeacher()
    meter = Meter(teacher)
    assert (meter.name, meter.can, meter.fingerprint()) == (teacher.name, teacher.can, teacher.fingerprint())
    assert meter.complete(["say word"], max_tokens=4) == ["word"]
    assert meter.weigh([RATIONALE, RATIONALE]) == teacher.weigh([RATIONALE, RATIONALE])
    bill = meter.bill()
    assert (bill.calls, bill.tokens, bill.bought, bill.usd, bill.counted) == (3, 3 + 8, None, 0.0, False)


@pytest.mark.parametrize("before", [0, 3])
def test_only_what_goes_through_the_meter_is_on_its_bill(before):
    teacher = Dear()
    teacher.complete(["?"] * before, max_tokens=1)
    meter = Meter(teacher)
    meter.complete(["a", "b"], max_tokens=1)
    bill = meter.bill()
    assert (bill.calls, bill.tokens, bill.bought, bill.usd, bill.counted) == (2, 20, 2, 2.0, True)
