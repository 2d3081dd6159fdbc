from edt.config import Scale
from edt.known import known_pretrained, known_random
from edt.store.folders import MANIFEST, Store
from tests.harness import run_here

RANDOM = ("method=random", "identifier=none", "analyst=none")


def tree(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_what_the_store_has_is_found_and_it_is_what_that_run_reported(tmp_path):
    mine = run_here(tmp_path, "scale=96")
    store, cell = Store(tmp_path / "store"), {"seed": 0, "test": True}
    random = run_here(tmp_path, *RANDOM, "scale=96", name="random").report
    pretrained = run_here(tmp_path, "method=pretrained", name="pretrained").report
    before = tree(tmp_path / "store")
    found = known_random(mine.parts, store, scale=Scale(name="96", samples=96), **cell)
    untuned = known_pretrained(mine.parts, store, **cell)
    assert found is not None
    assert untuned is not None
    assert (found.method, found.predictions, found.adapter) == ("random", random.predictions, random.adapter)
    assert untuned.predictions == pretrained.predictions
    assert tree(tmp_path / "store") == before


def test_another_cell_is_not_taken_for_it_and_nothing_is_made(tmp_path):
    mine = run_here(tmp_path, "scale=96")
    run_here(tmp_path, *RANDOM, "scale=96", name="random")
    store, scale = Store(tmp_path / "store"), Scale(name="96", samples=96)
    before = tree(tmp_path / "store")
    assert known_random(mine.parts, store, scale=scale, seed=1, test=True) is None
    assert known_random(mine.parts, store, scale=Scale(name="88", samples=88), seed=0, test=True) is None
    other = run_here(tmp_path, "scale=96", "tuner.epochs=2", name="other").parts
    assert known_random(other, store, scale=scale, seed=0, test=True) is None
    assert known_pretrained(mine.parts, store, seed=0, test=True) is None
    assert before.keys() <= tree(tmp_path / "store").keys()
    assert not list((tmp_path / "store").glob("*/*.part"))


def test_a_damaged_result_is_not_known(tmp_path):
    mine = run_here(tmp_path, "scale=96")
    run_here(tmp_path, "method=pretrained", name="pretrained")
    store = Store(tmp_path / "store")
    assert known_pretrained(mine.parts, store, seed=0, test=True) is not None
    for manifest in (tmp_path / "store" / "evaluate").glob(f"*/{MANIFEST}"):
        (manifest.parent / "result.jsonl").write_text("{}")
    before = tree(tmp_path / "store")
    assert known_pretrained(mine.parts, store, seed=0, test=True) is None
    assert tree(tmp_path / "store") == before
