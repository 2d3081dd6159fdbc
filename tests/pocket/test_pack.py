"""The pack: stable ids and views, the same bytes twice, whole or not at all."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edt.errors import EdtError
from edt.pocket import draw, pack, sources
from edt.pocket.home import Home, default_home

CATALOGUE = """id=Fake
id#1=Fake#easyChair
name#1=Easy chair
category#1=Living room
icon#1=/fake/chair.png
model#1=/fake/chair/chair.obj
width#1=60.0
depth#1=50.5
height#1=100
id#2=Fake#easy_chair
name#2=Bill 10\\u20ac
category#2=Miscellaneous
icon#2=/fake/chair.png
model#2=/fake/chair/chair.obj
width#2=10
depth#2=1
height#2=5
id#3=Fake#door
name#3=Door
category#3=Doors and windows
icon#3=/fake/chair.png
model#3=/fake/chair/chair.obj
width#3=10
depth#3=1
height#3=5
"""
MODEL = "v -1 -1 0\nv 1 -1 0\nv 1 1 0\nv -1 1 0\nf 1 2 3 4\n"


def picture_bytes(image: Image.Image, form: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def square_on(size: int, background: tuple[int, ...], colour: tuple[int, ...], mode: str) -> Image.Image:
    image = Image.new(mode, (size, size), background)
    image.paste(colour, (size // 4, size // 4, 3 * size // 4, 3 * size // 4))
    return image


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Unpacked packages with two models, two stamps (and a mirrored one) and a drawing."""
    home = Home(tmp_path / "pocket")
    furniture, stamps, art = (
        home.unpacked / folder for folder in (sources.FURNITURE_FOLDER, sources.STAMP_FOLDER, sources.ART_FOLDER)
    )
    for folder in (furniture, stamps / "animals/birds", stamps / "symbols", art / "animals"):
        folder.mkdir(parents=True)
    with zipfile.ZipFile(furniture / "Fake-CC.sh3f", "w") as catalogue:
        catalogue.writestr(sources.CATALOGUE, CATALOGUE)
        catalogue.writestr(
            "fake/chair.png", picture_bytes(square_on(64, (0, 0, 0, 0), (200, 0, 0, 255), "RGBA"), "PNG")
        )
        catalogue.writestr("fake/chair/chair.obj", MODEL)
    stamp = picture_bytes(square_on(400, (0, 0, 0, 0), (0, 200, 0, 255), "RGBA"), "PNG")
    for name in ("animals/birds/snowy_owl", "animals/birds/snowy_owl_mirror", "animals/cat-1", "symbols/plus"):
        (stamps / f"{name}.png").write_bytes(stamp)
    (stamps / "animals/birds/snowy_owl.txt").write_text("A snowy owl.\nfr.utf8=Un harfang.\n")
    drawing = picture_bytes(square_on(100, (255, 255, 255), (0, 0, 200), "RGB"), "JPEG")
    (art / "animals/polar_bear.jpg").write_bytes(drawing)
    for package in pack.LICENCE_NOTES:
        folder = home.unpacked / package / "usr/share/doc" / package
        folder.mkdir(parents=True)
        (folder / "copyright").write_text(f"Copyright of {package}\n")
    return home


def build(home: Home, **options: bool) -> pack.Pack:
    return pack.build(home, workers=0, progress=False, **options)


def test_rows_say_what_each_asset_is(home: Home) -> None:
    rows = {row["id"]: row for row in build(home).assets}
    assert list(rows) == [
        "sh3d/fake-cc/easychair",
        "sh3d/fake-cc/easy-chair",
        "stamp/animals/birds/snowy_owl",
        "stamp/animals/cat-1",
        "art/animals/polar_bear",
    ]
    chair, owl = rows["sh3d/fake-cc/easychair"], rows["stamp/animals/birds/snowy_owl"]
    assert chair["size_cm"] == [60.0, 50.5, 100.0]
    assert chair["views"] == [f"images/sh3d/fake-cc/easychair.{view}.webp" for view in range(3)]
    assert rows["sh3d/fake-cc/easy-chair"]["name"] == "Bill 10€"
    assert rows["sh3d/fake-cc/easy-chair"]["views"] == ["images/sh3d/fake-cc/easy-chair.0.webp"]
    assert (owl["name"], owl["caption"], owl["category"]) == ("snowy owl", "A snowy owl.", "animals/birds")
    assert owl["size_cm"] is None
    assert rows["stamp/animals/cat-1"]["caption"] == "cat 1"
    assert set(chair) == {"id", "source", "name", "category", "caption", "size_cm", "views", "licence"}


def test_pictures_are_small_cut_outs(home: Home) -> None:
    whole = build(home)
    for row in whole.assets:
        for name in row["views"]:
            with Image.open(whole.root / name) as picture:
                assert picture.format == "WEBP"
                assert max(picture.size) <= draw.LONGEST_SIDE
                alpha = np.asarray(picture.convert("RGBA"))[..., 3]
            assert alpha[alpha.shape[0] // 2, alpha.shape[1] // 2] == 255
    with Image.open(whole.root / "images/stamp/animals/cat-1.0.webp") as picture:
        assert picture.size == (160, 160)


def test_same_packages_same_pack(home: Home) -> None:
    first = build(home)
    manifest = (home.pack / pack.MANIFEST).read_bytes()
    assert build(home).fingerprint == first.fingerprint
    assert (home.pack / pack.MANIFEST).read_bytes() == manifest


def test_views_are_appended_to_a_plain_pack(home: Home) -> None:
    plain, full = build(home, splats=False), build(home)
    assert [row["id"] for row in plain.assets] == [row["id"] for row in full.assets]
    for before, after in zip(plain.assets, full.assets, strict=True):
        assert after["views"][: len(before["views"])] == before["views"]
    assert all(full.files[name] == facts for name, facts in plain.files.items() if name.startswith("images/"))


def test_an_interrupted_build_is_no_pack_and_goes_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    original = draw.draw

    def draw_three(picture: sources.Picture) -> bytes:
        if len(drawn) == 3:
            raise KeyboardInterrupt
        drawn.append(picture.file)
        return original(picture)

    monkeypatch.setattr(draw, "draw", draw_three)
    with pytest.raises(KeyboardInterrupt):
        build(home)
    with pytest.raises(EdtError, match="there is no picture pack"):
        pack.open_pack(home)
    monkeypatch.setattr(draw, "draw", lambda picture: drawn.append(picture.file) or original(picture))
    build(home).verify(full=True)
    assert len(drawn) == len(set(drawn)) == 7
    assert [path.name for path in home.root.iterdir() if path.name.startswith(".pack")] == []


def test_two_workers_make_the_same(home: Home) -> None:
    alone = build(home).fingerprint
    assert pack.build(home, workers=2, progress=False).fingerprint == alone


def test_a_broken_picture_is_named_with_the_way_out(home: Home) -> None:
    whole = build(home)
    victim = home.pack / "images/art/animals/polar_bear.0.webp"
    content = victim.read_bytes()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    pack.open_pack(home)
    for damage, full, says in ((None, True, "checksum"), (content[:9], False, "9 bytes"), (b"", False, "0 bytes")):
        if damage is not None:
            victim.write_bytes(damage)
        with pytest.raises(EdtError, match=rf"polar_bear\.0\.webp is damaged.*{says}.*--rebuild pack"):
            whole.verify(full=full)
    victim.unlink()
    with pytest.raises(EdtError, match=r"polar_bear\.0\.webp is missing"):
        pack.open_pack(home)


def test_a_changed_manifest_is_no_manifest(home: Home) -> None:
    build(home)
    manifest = json.loads((home.pack / pack.MANIFEST).read_text())
    manifest["files"].popitem()
    (home.pack / pack.MANIFEST).write_text(json.dumps(manifest))
    assert pack.read_manifest(home.pack) is None


def test_an_unreadable_original_is_named(home: Home) -> None:
    (home.unpacked / sources.ART_FOLDER / "animals/polar_bear.jpg").write_bytes(b"no picture")
    with pytest.raises(EdtError, match=r"cannot read polar_bear\.jpg"):
        build(home)


def test_licences_lie_beside(home: Home) -> None:
    whole = build(home)
    for package, note in pack.LICENCE_NOTES.items():
        text = (whole.root / "LICENCES" / f"{package}.txt").read_text()
        assert text == f"{note}\n\nCopyright of {package}\n"


def test_white_inside_a_drawing_stays() -> None:
    image = square_on(40, (255, 255, 255), (0, 0, 200), "RGB")
    image.paste((255, 255, 255), (17, 17, 23, 23))
    alpha = np.asarray(draw.cut_from_white(image.convert("RGBA")))[..., 3]
    assert alpha[2, 2] == 0
    assert min(alpha[20, 20], alpha[12, 16]) > 250
    assert draw.trim(draw.cut_from_white(image.convert("RGBA"))).size == (20, 20)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("Armchair", True), ("TV stand", True), ("Desk lamp", True), ("Seat Leon", False), ("Parking slot", False)],
)
def test_words_that_are_rendered(name: str, wanted: bool) -> None:
    assert bool(sources.SPLAT_WORDS.search(name)) is wanted


@pytest.mark.skipif(pack.read_manifest(default_home().pack) is None, reason="Pocket is not set up")
def test_the_real_pack_is_whole() -> None:
    whole = pack.open_pack(default_home())
    whole.verify(full=True)
    assert len(whole.assets) == 1777
    assert sum(len(row["views"]) for row in whole.assets) == 2455
    assert len({row["id"] for row in whole.assets}) == len(whole.assets)
    for row in whole.assets:
        assert re.fullmatch(r"(sh3d|stamp|art)/\S+", row["id"])
        assert row["name"]
        assert row["caption"]
        assert row["licence"]
