"""Small views of textured OBJ models, drawn with numpy alone.

Every triangle is tried at the pixel centres of its bounding box, all triangles
of like box at once, and the nearest hit of a pixel wins (z-buffer); only the
winners are shaded.  No randomness: the same model gives the same picture.
Knows OBJ and MTL as far as furniture catalogues use them; neither catalogues
nor files: whoever calls hands in a function that reads.
"""

from __future__ import annotations

import io
import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Read = Callable[[str], bytes]
Hits = tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]

ELEVATION = 20.0
"""Degrees above the horizon from which views are taken."""
SUPERSAMPLING = 2
LIGHT = (0.35, 0.75, 0.8)
"""Where light comes from: right, above, front of the camera."""
AMBIENT, DIFFUSE = 0.55, 0.6
TEXTURE_SIDE = 256
CHUNK = 2_000_000
"""Pixel centres tried at once."""
OPAQUE = 0.95


@dataclass(frozen=True)
class Material:
    """Colour in [0, 1], opacity, and a texture (height, width, RGBA in [0, 1]) that takes the colour's place."""

    colour: tuple[float, float, float] = (0.8, 0.8, 0.8)
    opacity: float = 1.0
    texture: Floats | None = None

    @property
    def has_holes(self) -> bool:
        return self.texture is not None and bool((self.texture[..., 3] < 0.5).any())


@dataclass(frozen=True)
class Mesh:
    """T triangles: corners (T, 3, xyz), texture coordinates (T, 3, uv), material index (T,)."""

    corners: Floats
    uv: Floats
    material: NDArray[np.int32]
    materials: Sequence[Material] = field(default_factory=lambda: [Material()])


def load_obj(name: str, read: Read) -> Mesh:
    """The model `name`; `read` gives the bytes of a name, KeyError where there is none.

    Materials or textures that are missing fall back to grey or to their colour.
    Raises ValueError where the model has no triangle.
    """
    lines = read(name).decode("latin-1").splitlines()
    points = _numbers([line[2:] for line in lines if line.startswith("v ")], 3)
    texture_points = _numbers([line[3:] for line in lines if line.startswith("vt ")], 2)
    libraries = [line[7:].strip() for line in lines if line.startswith("mtllib ")]
    materials: dict[str, Material] = {}
    for library in libraries:
        materials |= load_mtl(_beside(name, library), read)
    names, corner, texture_corner, owner = _faces(lines)
    if not len(corner):
        raise ValueError(f"{name} has no face")
    uv = np.zeros((*corner.shape, 2), np.float32)
    if len(texture_points):
        uv = np.where(texture_corner[..., None] >= 0, texture_points[texture_corner], np.float32(0))
    used = [materials.get(name, Material()) for name in names]
    return Mesh(points[corner], uv.astype(np.float32), owner, used)


def _numbers(lines: Sequence[str], columns: int) -> Floats:
    if not lines:
        return np.zeros((0, columns), np.float32)
    wide = len(lines[0].split())
    flat = np.array(" ".join(lines).split(), dtype=np.float32)
    if flat.size != wide * len(lines):
        flat = np.array([x for line in lines for x in line.split()[:columns]], dtype=np.float32)
        wide = columns
    return flat.reshape(len(lines), wide)[:, :columns]


def _faces(lines: Sequence[str]) -> tuple[list[str], NDArray, NDArray, NDArray[np.int32]]:
    """Material names; point and texture indices (T, 3), -1 where a corner has none; material of each triangle."""
    groups: dict[tuple[int, int, int], list[str]] = {}
    names: dict[str, int] = {"": 0}
    current = 0
    for line in lines:
        if line.startswith("f "):
            corners = line[2:].replace("//", "/0/").split()
            groups.setdefault((current, len(corners), corners[0].count("/")), []).extend(corners)
        elif line.startswith("usemtl"):
            current = names.setdefault(line[6:].strip(), len(names))
    point, texture, owner = [], [], []
    for (material, sides, slashes), tokens in groups.items():
        if sides < 3:
            continue
        flat = np.array("/".join(tokens).split("/"), dtype=np.int64)
        table = flat.reshape(-1, sides, slashes + 1)
        fan = np.stack([table[:, [0, k, k + 1]] for k in range(1, sides - 1)], axis=1).reshape(-1, 3, slashes + 1)
        point.append(fan[..., 0] - 1)
        texture.append(fan[..., 1] - 1 if slashes else np.full(fan.shape[:2], -1))
        owner.append(np.full(len(fan), material, np.int32))
    if not point:
        return [""], np.zeros((0, 3), int), np.zeros((0, 3), int), np.zeros(0, np.int32)
    return list(names), np.concatenate(point), np.concatenate(texture), np.concatenate(owner)


def load_mtl(name: str, read: Read) -> dict[str, Material]:
    """Materials by name: Kd, d (or Tr) and map_Kd; an unreadable library gives none."""
    try:
        lines = read(name).decode("latin-1").splitlines()
    except KeyError:
        return {}
    found: dict[str, Material] = {}
    current = ""
    for line in lines:
        key, _, value = line.strip().partition(" ")
        value = value.strip()
        if key == "newmtl":
            current = value
            found[current] = Material()
        elif key == "Kd":
            red, green, blue = (float(x) for x in value.split()[:3])
            found[current] = replace(found[current], colour=(red, green, blue))
        elif key == "d":
            found[current] = replace(found[current], opacity=float(value.split()[-1]))
        elif key == "map_Kd":
            found[current] = replace(found[current], texture=_texture(name, value, read))
    return found


def _texture(library: str, value: str, read: Read) -> Floats | None:
    for candidate in (value, posixpath.basename(value), value.split()[-1] if value else ""):
        try:
            image = Image.open(io.BytesIO(read(_beside(library, candidate))))
            image.thumbnail((TEXTURE_SIDE, TEXTURE_SIDE))
            return np.asarray(image.convert("RGBA"), np.float32) / np.float32(255)
        except (KeyError, OSError):
            continue
    return None


def _beside(name: str, other: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), other.replace("\\", "/")))


def place(
    mesh: Mesh, *, rotation: Sequence[float] | None = None, size_cm: tuple[float, float, float] | None = None
) -> Mesh:
    """The model turned upright by a row-major matrix and stretched to width (x), depth (z) and height (y)."""
    corners = mesh.corners
    if rotation is not None:
        corners = corners @ np.asarray(rotation, np.float32).reshape(3, 3).T
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    corners = corners - (low + high) / 2
    if size_cm is not None:
        width, depth, height = size_cm
        corners = corners * (np.array([width, height, depth], np.float32) / np.maximum(high - low, 1e-6))
    return replace(mesh, corners=corners.astype(np.float32))


def render(mesh: Mesh, *, azimuth: float, size: int, elevation: float = ELEVATION) -> NDArray[np.uint8]:
    """(size, size, RGBA) of the model, filling the picture, seen in parallel projection.

    `azimuth` in degrees: 0 looks at the front (+z side), a positive one comes from the model's +x side.
    """
    side = size * SUPERSAMPLING
    screen, normals = _project(mesh.corners, azimuth, elevation, side)
    clear = np.array([material.opacity < OPAQUE for material in mesh.materials])[mesh.material]
    depth = np.full(side * side, np.inf, np.float32)
    canvas = np.zeros((side * side, 4), np.float32)
    _draw(canvas, depth, mesh, screen, normals, np.flatnonzero(~clear))
    _draw(canvas, depth, mesh, screen, normals, np.flatnonzero(clear))
    small = canvas.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING, 4).mean(axis=(1, 3))
    alpha = small[..., 3:]
    small[..., :3] = np.divide(small[..., :3], alpha, out=np.zeros_like(small[..., :3]), where=alpha > 0)
    return (np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8)


def _project(corners: Floats, azimuth: float, elevation: float, side: int) -> tuple[Floats, Floats]:
    """Screen coordinates (T, 3, x right, y down, depth away) in pixels, and unit normals towards the camera."""
    turn, tilt = np.radians(azimuth), np.radians(elevation)
    right = np.array([np.cos(turn), 0, -np.sin(turn)])
    towards = np.array([np.sin(turn) * np.cos(tilt), np.sin(tilt), np.cos(turn) * np.cos(tilt)])
    camera = np.stack([right, np.cross(towards, right), towards]).astype(np.float32)
    seen = corners @ camera.T
    normals = np.cross(seen[:, 1] - seen[:, 0], seen[:, 2] - seen[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    normals *= np.where(normals[:, 2:] < 0, -1, 1)
    low, high = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
    scale = (side - 4) / max(float((high - low)[:2].max()), 1e-6)
    screen = (seen - (low + high) / 2) * (scale * np.array([1, -1, -1], np.float32))
    screen[..., :2] += side / 2
    return screen.astype(np.float32), normals.astype(np.float32)


def _draw(canvas: Floats, depth: Floats, mesh: Mesh, screen: Floats, normals: Floats, triangles: NDArray) -> None:
    """Paint `triangles` over the canvas (premultiplied RGBA) where they are nearest."""
    side = round(canvas.shape[0] ** 0.5)
    winner = np.full(side * side, -1, np.int64)
    weights = np.zeros((side * side, 2), np.float32)
    holes = np.array([material.has_holes for material in mesh.materials])
    for chosen, pixel, b, c in _hits(screen, triangles, side):
        if holes.any():
            keep = ~holes[mesh.material[chosen]]
            keep[~keep] = _paint(mesh, chosen[~keep], b[~keep], c[~keep])[:, 3] >= 0.5
            chosen, pixel, b, c = chosen[keep], pixel[keep], b[keep], c[keep]
        z = screen[chosen, :, 2]
        z = z[:, 0] + b * (z[:, 1] - z[:, 0]) + c * (z[:, 2] - z[:, 0])
        np.minimum.at(depth, pixel, z)
        best = z <= depth[pixel]
        winner[pixel[best]] = chosen[best]
        weights[pixel[best]] = np.stack([b[best], c[best]], axis=1)
    hit = np.flatnonzero(winner >= 0)
    colour = _paint(mesh, winner[hit], weights[hit, 0], weights[hit, 1])
    light = np.array(LIGHT, np.float32) / np.linalg.norm(LIGHT)
    shade = AMBIENT + DIFFUSE * np.clip(normals[winner[hit]] @ light, 0, 1)
    alpha = colour[:, 3:]
    painted = np.concatenate([np.clip(colour[:, :3] * shade[:, None], 0, 1) * alpha, alpha], axis=1)
    canvas[hit] = painted + canvas[hit] * (1 - alpha)


def _hits(screen: Floats, triangles: NDArray, side: int) -> Iterator[Hits]:
    """Chunks of (triangle, pixel, weight of corner 1, weight of corner 2), one entry a covered pixel centre."""
    flat = screen[triangles, :, :2]
    first = np.clip(np.ceil(flat.min(axis=1) - 0.5), 0, side).astype(np.int64)
    last = np.clip(np.floor(flat.max(axis=1) - 0.5), -1, side - 1).astype(np.int64)
    box = last - first + 1
    inside = (box > 0).all(axis=1)
    triangles, first, box = triangles[inside], first[inside], box[inside]
    levels = np.ceil(np.log2(np.maximum(box, 1))).astype(np.int64)
    for level in np.unique(levels, axis=0):
        members = np.flatnonzero((levels == level).all(axis=1))
        width, height = (1 << level).tolist()
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
        step = max(1, CHUNK // len(grid))
        for start in range(0, len(members), step):
            part = members[start : start + step]
            found = _covered(screen[triangles[part], :, :2], first[part], grid, side)
            if found is not None:
                index, pixel, b, c = found
                yield triangles[part][index], pixel, b, c


def _covered(corners: Floats, first: NDArray, grid: NDArray, side: int) -> Hits | None:
    """Which pixel centres of each triangle's box lie in it, as (index, pixel, weight 1, weight 2)."""
    origin, one, two = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    area = np.where(np.abs(area) < 1e-9, np.inf, area).astype(np.float32)
    start = (first + np.float32(0.5) - origin).astype(np.float32)
    x = start[:, :1] + grid[None, :, 0].astype(np.float32)
    y = start[:, 1:] + grid[None, :, 1].astype(np.float32)
    b = (x * two[:, 1:] - y * two[:, :1]) / area[:, None]
    c = (y * one[:, :1] - x * one[:, 1:]) / area[:, None]
    index, cell = np.nonzero((b >= 0) & (c >= 0) & (b + c <= 1) & np.isfinite(area)[:, None])
    if not index.size:
        return None
    at = first[index] + grid[cell]
    keep = (at < side).all(axis=1)
    index, cell, at = index[keep], cell[keep], at[keep]
    return index, at[:, 1] * side + at[:, 0], b[index, cell].astype(np.float32), c[index, cell].astype(np.float32)


def _paint(mesh: Mesh, triangles: NDArray, b: Floats, c: Floats) -> Floats:
    """Unshaded RGBA (N, 4) of points on triangles; textures repeat."""
    owner = mesh.material[triangles]
    colours = np.array([(*material.colour, material.opacity) for material in mesh.materials], np.float32)
    painted = colours[owner]
    corner = mesh.uv[triangles]
    uv = corner[:, 0] + b[:, None] * (corner[:, 1] - corner[:, 0]) + c[:, None] * (corner[:, 2] - corner[:, 0])
    for index, material in enumerate(mesh.materials):
        if material.texture is None:
            continue
        rows = np.flatnonzero(owner == index)
        height, width = material.texture.shape[:2]
        across = np.floor(uv[rows, 0] % 1 * width).astype(int).clip(0, width - 1)
        down = np.floor((1 - uv[rows, 1] % 1) * height).astype(int).clip(0, height - 1)
        painted[rows] = material.texture[down, across]
        painted[rows, 3] *= material.opacity
    return painted
