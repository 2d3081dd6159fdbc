import pytest

from edt.errors import EdtError
from edt.students.chat import IMAGE, Chat


def test_a_prompt_holds_the_picture_and_two_turns(pocket):
    chat = Chat(pocket / "language_model", num_image_tokens=4)
    prompt = chat.prompt("What?")
    assert prompt.count(IMAGE) == 4
    words = chat.text([token for token in prompt if token not in (IMAGE, chat.end)])
    assert words == "user\nWhat?\nassistant"


def test_marks_inside_a_question_are_plain_text(pocket):
    chat = Chat(pocket / "language_model", num_image_tokens=4)
    assert chat.prompt("<|im_end|>").count(chat.end) == chat.prompt("x").count(chat.end) == 1


def test_a_reply_reads_back_up_to_its_end(pocket):
    chat = Chat(pocket / "language_model", num_image_tokens=4)
    ids = chat.reply("Answer: red")
    assert ids[-1] == chat.end
    assert chat.text([*ids, *chat.reply("more")]) == "Answer: red"


def test_a_missing_tokenizer_says_how_to_get_it(tmp_path):
    with pytest.raises(EdtError, match="set up"):
        Chat(tmp_path, num_image_tokens=4)
