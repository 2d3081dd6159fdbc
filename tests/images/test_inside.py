"""No file outside a dataset's folder is opened, and no bomb is unpacked."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.images.inside import ImageFault, ImageFolder, check_picture
from tests.pictures import drawn, put


def bomb(side: int) -> bytes:
    """A PNG of a few hundred bytes that says it is side × side."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "images"
    put(root, "a/good.png", drawn(1))
    put(root, "broken.png", b"no picture")
    put(root, "cut.png", drawn(2)[:150])
    put(root, "bomb.png", bomb(20_000))
    put(root, "large.png", bomb(11_000))
    put(tmp_path, "secret.png", drawn(3))
    put(tmp_path / "images2", "beside.png", drawn(4))
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "inner.png").symlink_to(root / "a" / "good.png")
    (root / "out").symlink_to(tmp_path)
    (root / "gone.png").symlink_to(root / "nothing.png")
    return ImageFolder(root)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/etc/hostname", "absolute path"),
        ("C:\\windows\\x.png", "absolute path"),
        ("\\\\server\\x.png", "absolute path"),
        ("../secret.png", "climbing path"),
        ("a/../../secret.png", "climbing path"),
        ("a\\..\\good.png", "climbing path"),
        ("../images2/beside.png", "climbing path"),
        ("link.png", "outside"),
        ("out/secret.png", "outside"),
        ("none.png", "no image"),
        ("a", "no image"),
        ("gone.png", "no image"),
        ("a/good.png/x", "no image"),
        ("broken.png", "broken image"),
        ("bomb.png", "image bomb"),
        ("large.png", "image bomb"),
        ("x\0.png", "wrong type"),
        ("", "wrong type"),
        ("x" * 5000, "no image"),
    ],
)
def test_what_is_refused(folder, name, kind):
    with pytest.raises(ImageFault) as caught:
        folder.check(name, "header")
    assert caught.value.kind == kind


def test_what_is_taken(folder):
    for name in ("a/good.png", "inner.png", "./a/good.png"):
        folder.check(name, "decode")


def test_what_lies_outside_is_not_even_opened(folder, monkeypatch):
    from PIL import Image

    opened = []
    monkeypatch.setattr(Image, "open", lambda *arguments, **options: opened.append(arguments))
    for name in ("link.png", "out/secret.png", "../secret.png", "/etc/hostname"):
        with pytest.raises(ImageFault):
            folder.check(name, "decode")
    assert opened == []


def test_a_cut_picture_passes_a_look_at_its_header_and_no_other(folder):
    folder.check("cut.png", "header")
    with pytest.raises(ImageFault, match="cannot be read as a picture"):
        folder.check("cut.png", "decode")


@given(st.text(st.sampled_from("a./\\~out link.png"), max_size=30))
def test_whatever_is_named_lies_inside(name):
    """Over a folder of this repository, for hypothesis makes no folders: a path that is given out is below it."""
    from pathlib import Path

    root = Path(__file__).resolve().parent
    try:
        path = ImageFolder(root).path_of(name)
    except ImageFault:
        return
    assert Path(path).resolve().is_relative_to(root)


def test_bytes_are_looked_at_as_files_are(tmp_path):
    from io import BytesIO

    check_picture(BytesIO(drawn(1)), decode=True)
    with pytest.raises(ImageFault, match="400000000 pixels"):
        check_picture(BytesIO(bomb(20_000)))
