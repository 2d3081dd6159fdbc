from edt.students.format import format_reply


def test_steps_then_answer():
    assert (
        format_reply(("It is red.", " So it stops. "), "stop")
        == "Step 1: It is red.\nStep 2: So it stops.\nAnswer: stop"
    )


def test_an_answer_alone():
    assert format_reply((), "red") == "Answer: red"
