"""What the pack is made of: assets and pictures found in unpacked packages.

Knows how each package arranges its files and names its things.  Only lists;
drawing and writing the pictures is the pack's matter.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FURNITURE_FOLDER = "sweethome3d-furniture/usr/share/sweethome3d/furniture"
STAMP_FOLDER = "tuxpaint-stamps-default/usr/share/tuxpaint/stamps"
ART_FOLDER = "pysiogame/usr/share/games/pysiogame/res/images/art4apps"
CATALOGUE = "PluginFurnitureCatalog.properties"

FURNITURE_CATEGORIES = frozenset(
    ("Bedroom", "Living room", "Kitchen", "Office", "Bathroom", "Lights", "Miscellaneous", "Exterior", "Vehicles")
)
STAMP_GROUPS = (
    *("animals", "clothes", "food", "hobbies", "household", "military", "plants"),
    *("seasonal", "space", "sports", "vehicles"),
)

CATALOGUE_LICENCES = {
    "blendswap-cc-0": "CC0",
    "blendswap-cc-by": "CC-BY-3.0",
    "katorlegaz": "CC-BY-3.0-US",
    "reallusion": "CC-BY-3.0-US",
    "scopia": "CC-BY-3.0",
}

SPLAT_WORDS = re.compile(
    r"\b(arm ?chair|chair|sofa|couch|bench|ottoman|seat$|stool|puff|futon|bed|crib|hammock|lounge"
    r"|table(?! tennis bat)|desk|workbench|island|dresser|drawers|wardrobe|cupboard|cabinet|bookcase|shelves|chest"
    r"|stand|rack|vanity"
    r"|lamp|lamps|lamppost|light|lights|lantern|chandelier|candle|spotlight|flashlight"
    r"|fridge|refrigerator|freezer|oven|stove|cooker|cooktop|microwave|toaster|blender|mixer|kettle|fryer|hood|boiler"
    r"|machine|maker|brewer|heater|radiator|fan|conditioning|tv|television|imac|ibook|laptop|printer|projector"
    r"|player|radio|stereo|speaker|phone|camera|playstation|piano|furnace|fireplace"
    r"|bath|bathtub|basin|washbasin|sink|lavatory|toilets unit|bidet|urinal|shower stall)\b",
    re.IGNORECASE,
)
"""Names of furniture, appliances and lights: models that are also rendered from the left and the right."""
SPLAT_AZIMUTHS = (-35.0, 35.0)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture to make: which file of which package, drawn how."""

    file: str
    """Where it goes, relative to the pack."""
    kind: str
    """`icon` (PNG in a catalogue), `stamp` (PNG), `drawing` (JPG on white) or `splat` (OBJ in a catalogue)."""
    path: Path
    member: str = ""
    """Name inside the catalogue's zip, where `path` is one."""
    azimuth: float = 0.0
    size_cm: tuple[float, float, float] | None = None
    rotation: tuple[float, ...] | None = None
    """Row-major 3 x 3 matrix that turns the model upright, front towards +z."""


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One thing and its pictures. `size_cm` is width, depth, height by the catalogue."""

    id: str
    source: str
    name: str
    category: str
    caption: str
    size_cm: tuple[float, float, float] | None
    views: tuple[Picture, ...]
    licence: str


def list_assets(unpacked: Path, *, splats: bool = True) -> list[Asset]:
    """Every asset of the pack, sorted by source, then by id; ids are unique."""
    assets = [*furniture(unpacked / FURNITURE_FOLDER, splats=splats)]
    assets += stamps(unpacked / STAMP_FOLDER)
    assets += drawings(unpacked / ART_FOLDER)
    twice = [name for name, count in Counter(asset.id for asset in assets).items() if count > 1]
    assert not twice, f"asset ids come twice: {twice}"
    return assets


def furniture(folder: Path, *, splats: bool = True) -> Iterator[Asset]:
    """Models of the catalogues; view 0 is the icon, views 1 and 2 are seen from the left and right front."""
    for path in sorted(folder.glob("*.sh3f")):
        catalogue = path.stem.lower()
        taken: set[str] = set()
        for entry in read_catalogue(path):
            if entry["category"] not in FURNITURE_CATEGORIES:
                continue
            slug = _unique(slugify(entry["id"].partition("#")[2]), taken)
            asset_id = f"sh3d/{catalogue}/{slug}"
            yield Asset(
                id=asset_id,
                source="sweethome3d",
                name=entry["name"],
                category=entry["category"],
                caption=entry["name"],
                size_cm=_size(entry),
                views=tuple(_furniture_views(asset_id, path, entry, splats=splats)),
                licence=CATALOGUE_LICENCES.get(catalogue, "see LICENCES"),
            )


def _furniture_views(asset_id: str, path: Path, entry: dict[str, str], *, splats: bool) -> Iterator[Picture]:
    yield Picture(file=_file(asset_id, 0), kind="icon", path=path, member=entry["icon"].lstrip("/"))
    if not splats or not SPLAT_WORDS.search(entry["name"]):
        return
    rotation = tuple(float(x) for x in entry["modelRotation"].split()) if "modelRotation" in entry else None
    for view, azimuth in enumerate(SPLAT_AZIMUTHS, start=1):
        yield Picture(
            file=_file(asset_id, view),
            kind="splat",
            path=path,
            member=entry["model"].lstrip("/"),
            azimuth=azimuth,
            size_cm=_size(entry),
            rotation=rotation,
        )


def read_catalogue(path: Path) -> list[dict[str, str]]:
    """Entries of a furniture catalogue in its own order, a mapping of property to text each."""
    entries: dict[int, dict[str, str]] = {}
    with zipfile.ZipFile(path) as catalogue:
        text = catalogue.read(CATALOGUE).decode("latin-1")
    for match in re.finditer(r"^(\w+)#(\d+)=(.*?)\r?$", text, re.MULTILINE):
        value = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), match[3])
        entries.setdefault(int(match[2]), {})[match[1]] = value.strip()
    return [entries[number] for number in sorted(entries)]


def stamps(folder: Path) -> Iterator[Asset]:
    """Stamps with pixels; the caption is the English sentence that comes with each."""
    for group in STAMP_GROUPS:
        for path in sorted((folder / group).rglob("*.png")):
            if path.stem.endswith("_mirror"):
                continue  # the same thing again, facing the other way
            key = path.relative_to(folder).with_suffix("").as_posix()
            text = path.with_suffix(".txt")
            name = _words(path.stem)
            sentence = text.read_text(encoding="utf-8", errors="replace").partition("\n")[0] if text.exists() else ""
            yield _plain_asset("stamp", key, path, name=name, caption=sentence.strip() or name, licence="GPL-2")


def drawings(folder: Path) -> Iterator[Asset]:
    """Art4Apps drawings; the file's name is the word that each shows."""
    for path in sorted(folder.rglob("*.jpg")):
        key = path.relative_to(folder).with_suffix("").as_posix()
        name = _words(path.stem)
        yield _plain_asset("art", key, path, name=name, caption=name, licence="CC-BY-SA")


def _plain_asset(prefix: str, key: str, path: Path, *, name: str, caption: str, licence: str) -> Asset:
    asset_id = f"{prefix}/{key}"
    kind = "stamp" if prefix == "stamp" else "drawing"
    return Asset(
        id=asset_id,
        source={"stamp": "tuxpaint", "art": "art4apps"}[prefix],
        name=name,
        category=key.rpartition("/")[0],
        caption=caption,
        size_cm=None,
        views=(Picture(file=_file(asset_id, 0), kind=kind, path=path),),
        licence=licence,
    )


def slugify(text: str) -> str:
    """Lower-case letters, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "thing"


def _file(asset_id: str, view: int) -> str:
    return f"images/{asset_id}.{view}.webp"


def _words(stem: str) -> str:
    return re.sub(r"[_\-\s]+", " ", stem).strip().lower()


def _size(entry: dict[str, str]) -> tuple[float, float, float]:
    return float(entry["width"]), float(entry["depth"]), float(entry["height"])


def _unique(slug: str, taken: set[str]) -> str:
    candidate, number = slug, 2
    while candidate in taken:
        candidate, number = f"{slug}-{number}", number + 1
    taken.add(candidate)
    return candidate
