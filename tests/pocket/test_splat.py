"""The renderer: front, sides and colours are where they should be, and never by chance."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edt.pocket import splat

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)

CUBE = """mtllib cube.mtl
v -1 -1 1
v 1 -1 1
v 1 1 1
v -1 1 1
v -1 -1 -1
v 1 -1 -1
v 1 1 -1
v -1 1 -1
usemtl front
f 1 2 3 4
usemtl right
f 2 6 7 3
usemtl other
f 1//1 5//1 8//1 4//1
f 4/1/1 3/1/1 7/1/1 8/1/1
f 5 6 7 8
"""
CUBE_MTL = "newmtl front\nKd 1 0 0\nnewmtl right\nKd 0 1 0\nnewmtl other\nKd 0 0 1\n"
SQUARE = """mtllib square.mtl
v -1 -1 0
v 1 -1 0
v 1 1 0
v -1 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl picture
f 1/1 2/2 3/3 4/4
"""


def png(pixels: list[list[tuple[int, ...]]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.array(pixels, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def load(obj: str, **files: str | bytes) -> splat.Mesh:
    store = {"m/model.obj": obj.encode()}
    store |= {
        f"m/{name.replace('__', '.')}": text.encode() if isinstance(text, str) else text for name, text in files.items()
    }
    return splat.load_obj("m/model.obj", store.__getitem__)


def nearest_colour(pixel: np.ndarray) -> tuple[int, ...]:
    assert pixel[3] == 255
    return tuple((255 * (pixel[:3] == pixel[:3].max())).tolist())


def test_front_is_red_and_fills_the_picture() -> None:
    picture = splat.render(load(CUBE, cube__mtl=CUBE_MTL), azimuth=0, elevation=0, size=32)
    assert picture.shape == (32, 32, 4)
    assert picture.dtype == np.uint8
    assert nearest_colour(picture[16, 16]) == RED
    assert (picture[2:-2, 2:-2, 3] == 255).all()
    assert picture[0, 0, 3] == 0


@pytest.mark.parametrize(("azimuth", "left", "right"), [(45, RED, GREEN), (-45, BLUE, RED)])
def test_a_positive_azimuth_shows_the_right_side(azimuth: float, left: tuple, right: tuple) -> None:
    picture = splat.render(load(CUBE, cube__mtl=CUBE_MTL), azimuth=azimuth, elevation=0, size=32)
    assert nearest_colour(picture[16, 8]) == left
    assert nearest_colour(picture[16, 24]) == right


def test_the_camera_is_above() -> None:
    picture = splat.render(load(CUBE, cube__mtl=CUBE_MTL), azimuth=0, elevation=45, size=32)
    assert nearest_colour(picture[6, 16]) == BLUE
    assert nearest_colour(picture[26, 16]) == RED


def test_the_back_is_hidden_and_seen_from_behind() -> None:
    picture = splat.render(load(CUBE, cube__mtl=CUBE_MTL), azimuth=180, elevation=0, size=16)
    assert nearest_colour(picture[8, 8]) == BLUE


def test_textures_are_upright() -> None:
    texture = png([[RED, GREEN], [BLUE, (255, 255, 255)]])
    mesh = load(SQUARE, square__mtl="newmtl picture\nKd 0 0 0\nmap_Kd a folder/tex.png\n", tex__png=texture)
    picture = splat.render(mesh, azimuth=0, elevation=0, size=32)
    assert nearest_colour(picture[8, 8]) == RED
    assert nearest_colour(picture[8, 24]) == GREEN
    assert nearest_colour(picture[24, 8]) == BLUE
    assert nearest_colour(picture[24, 24]) == (255, 255, 255)


def test_holes_of_a_texture_show_what_is_behind() -> None:
    texture = png([[(*RED, 255), (*RED, 0)]])
    behind = SQUARE + "v -1 -1 -1\nv 1 -1 -1\nv 1 1 -1\nv -1 1 -1\nusemtl wall\nf 5 6 7 8\n"
    materials = "newmtl picture\nmap_Kd tex.png\nnewmtl wall\nKd 0 0 1\n"
    picture = splat.render(load(behind, square__mtl=materials, tex__png=texture), azimuth=0, elevation=0, size=32)
    assert nearest_colour(picture[16, 8]) == RED
    assert nearest_colour(picture[16, 24]) == BLUE


def test_glass_lets_colour_through() -> None:
    behind = SQUARE + "v -1 -1 -1\nv 1 -1 -1\nv 1 1 -1\nv -1 1 -1\nusemtl wall\nf 5 6 7 8\n"
    materials = "newmtl picture\nKd 1 0 0\nd 0.5\nnewmtl wall\nKd 0 0 1\n"
    red, _, blue, alpha = splat.render(load(behind, square__mtl=materials), azimuth=0, elevation=0, size=8)[4, 4]
    assert alpha == 255
    assert 80 < red < 180
    assert 80 < blue < 180
    alone = splat.render(load(SQUARE, square__mtl=materials), azimuth=0, elevation=0, size=8)[4, 4]
    assert 120 < alone[3] < 135


def test_missing_materials_and_textures_fall_back() -> None:
    grey = splat.render(load(SQUARE), azimuth=0, elevation=0, size=8)[4, 4]
    assert grey[0] == grey[1] == grey[2] > 100
    coloured = load(SQUARE, square__mtl="newmtl picture\nKd 0 1 0\nmap_Kd gone.jpg\n")
    assert nearest_colour(splat.render(coloured, azimuth=0, elevation=0, size=8)[4, 4]) == GREEN


def test_a_model_without_faces_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model\.obj has no face"):
        load("v 0 0 0\n")


def test_place_turns_and_stretches() -> None:
    turned = splat.place(
        load(CUBE, cube__mtl=CUBE_MTL), rotation=[0, 0, 1, 0, 1, 0, -1, 0, 0], size_cm=(40.0, 20.0, 80.0)
    )
    size = turned.corners.max(axis=(0, 1)) - turned.corners.min(axis=(0, 1))
    assert size.tolist() == pytest.approx([40, 80, 20])
    picture = splat.render(turned, azimuth=90, elevation=0, size=32)
    assert nearest_colour(picture[16, 16]) == RED


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-5, 5, width=32)] * 9), min_size=1, max_size=12), st.floats(-180, 180))
def test_any_triangles_render_the_same_twice(triangles: list[tuple[float, ...]], azimuth: float) -> None:
    corners = np.array(triangles, np.float32).reshape(-1, 3, 3)
    count = len(corners)
    mesh = splat.Mesh(corners, np.zeros((count, 3, 2), np.float32), np.zeros(count, np.int32))
    first = splat.render(mesh, azimuth=azimuth, size=16)
    assert first.shape == (16, 16, 4)
    assert (first == splat.render(mesh, azimuth=azimuth, size=16)).all()
