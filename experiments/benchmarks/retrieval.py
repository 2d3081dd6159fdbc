"""BM25 at 10K, 100K and 1.55M samples beside rank-bm25 and bm25s: build, memory, ms a query, agreement.

    python experiments/benchmarks/retrieval.py [--sizes 10000 100000 1550000] [--queries 500] [--exact 20]

Every engine has a process of its own, one thread, and the same invented texts
(78 distinct ones to 1,000 samples, ids in no order), tokenised by the same words
with stop words left in; the top 200 of every query are asked for.  Building is
from texts to the first query.  Seconds are of CPU, which a busy machine does not
stretch; wall time stands beside them in the figures.  rank-bm25, which takes seconds a query, and every
comparison with it have `--exact` queries.  Memory is the most that was held over
the corpus.  One more row holds the largest size with as few texts as the
smallest.  Writes retrieval.json and retrieval.txt under experiments/benchmarks/results/.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from corpora import Corpus, make_corpus  # beside this file

from edt.benchmark import parser_of, publish
from edt.cli import say_errors
from edt.errors import EdtError
from edt.process import prepare_script, release_memory
from edt.selection.words import raw_words

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

HERE = Path(__file__).parent
TOP = 200
REPEATS = 3
NAMES = {
    "indexed": "edt, indexed",
    "rank_bm25": "rank-bm25",
    "bm25s_numpy": "bm25s, numpy",
    "bm25s_numba": "bm25s, numba",
    "bm25s_numba64": "bm25s, numba, float64",
}
Search = Callable[[Sequence[str]], "list[np.ndarray]"]
"""Places in the corpus of the best `TOP` samples, a query each."""
Scores = Callable[[str], "np.ndarray"]
"""A score a sample, in the order of the corpus."""


def main() -> None:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_550_000])
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--exact", type=int, default=20, help="queries of rank-bm25, and of comparisons with it")
    parser.add_argument("--engines", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--worker", nargs=3, metavar=("ENGINE", "TEXTS", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(options.sizes) < TOP or not 0 < options.exact <= options.queries:
        raise EdtError(f"--sizes must be {TOP} or more, and --exact between 1 and --queries ({options.queries})")
    if options.worker:
        engine, texts, folder = options.worker
        work(engine, options.sizes[0], int(texts), options.queries, options.exact, Path(folder))
        return
    few = texts_of(min(options.sizes))
    shapes = [(size, texts_of(size), options.engines) for size in options.sizes]
    if len(options.sizes) > 1 and "indexed" in options.engines:
        shapes.append((max(options.sizes), few, ["indexed"]))
    rows = [row for shape in shapes for row in compare(*shape, options.queries, options.exact)]
    figures = {
        "benchmark": "retrieval",
        "top": TOP,
        "queries": options.queries,
        "exact": options.exact,
        "rows": rows,
        "goals": goals(rows),
    }
    publish(figures, lambda console: show(figures, console), options.results)


def texts_of(size: int) -> int:
    return size * 78 // 1000


def compare(size: int, texts: int, engines: Sequence[str], queries: int, exact: int) -> list[dict[str, Any]]:
    """A row an engine: what it cost, and how its answers agree with those of rank-bm25."""
    import numpy as np

    rows, found = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for engine in engines:
            print(f"{NAMES[engine]} over {size:,} samples of {texts:,} texts …", file=sys.stderr, flush=True)
            numbers = ["--queries", str(queries), "--exact", str(exact), "--sizes", str(size)]
            command = [sys.executable, __file__, *numbers, "--worker", engine, str(texts), folder]
            threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
            subprocess.run(command, check=True, env={**os.environ, **threads})
            rows.append(json.loads((Path(folder) / f"{engine}.json").read_text("utf-8")))
            with np.load(Path(folder) / f"{engine}.npz", allow_pickle=False) as arrays:
                found[engine] = [arrays[f"arr_{number}"] for number in range(exact)]
    reference = found.get("rank_bm25")
    digest = next((row["scores"] for row in rows if row["engine"] == "rank_bm25"), None)
    for row in rows:
        mine, scores = found[row["engine"]], row.pop("scores")
        pairs = list(zip(mine, reference, strict=True)) if reference else []
        row["same_top"] = sum(np.array_equal(one, other) for one, other in pairs) if pairs else None
        shares = [len(np.intersect1d(one, other)) / max(1, len(other)) for one, other in pairs]
        row["overlap"] = round(float(np.mean(shares)), 4) if pairs else None
        row["same_scores"] = scores == digest if scores and digest else None
    return rows


def work(engine: str, size: int, texts: int, queries: int, exact: int, folder: Path) -> None:
    """One engine's row, and the places that it found."""
    import numpy as np

    corpus = make_corpus(num_samples=size, num_texts=texts, num_queries=queries)
    asked = corpus.queries[:exact] if engine == "rank_bm25" else corpus.queries
    by_id = np.argsort(np.array(corpus.ids), kind="stable")  # places in the corpus: for comparing, of no engine's cost
    release_memory()
    before = _begin_peak()
    (search, scores), *built = _timed(lambda: ENGINES[engine](corpus, by_id))
    _, *first = _timed(lambda: search(asked[:1]))
    passes = [_timed(lambda: search(asked)) for _ in range(1 if engine == "rank_bm25" else REPEATS)]
    peak = _peak() - before
    row = {
        "engine": engine,
        "samples": size,
        "texts": texts,
        "queries": len(asked),
        "build_s": round(built[0], 2),
        "peak_mb": round(peak / 1e6),
        "first_ms": round(1000 * first[0], 1),
        "ms": round(1000 * median(cpu for _, cpu, _ in passes) / len(asked), 3),
        "wall": {
            "build_s": round(built[1], 2),
            "ms": round(1000 * median(wall for *_, wall in passes) / len(asked), 3),
        },
        "scores": _digest([scores(query) for query in asked[:exact]]) if scores else None,
    }
    np.savez(folder / f"{engine}.npz", *passes[-1][0][:exact])
    (folder / f"{engine}.json").write_text(json.dumps(row), "utf-8")


def _timed(act: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it came to, CPU seconds and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = act()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def _indexed(corpus: Corpus, by_id: np.ndarray) -> tuple[Search, Scores]:
    import numpy as np

    from edt.selection.index import Bm25Index

    index = Bm25Index(corpus.ids, corpus.texts, stop_words=False)
    back = np.argsort(by_id)
    return (
        lambda queries: [by_id[index.search(query, top_k=TOP).positions] for query in queries],
        lambda query: index.scores(query)[back],
    )


def _rank_bm25(corpus: Corpus, by_id: np.ndarray) -> tuple[Search, Scores]:
    """Ties by id, as ours; the library leaves their order open. Documents by id too: its mean idf is a sum in order."""
    import numpy as np
    from rank_bm25 import BM25Okapi

    okapi = BM25Okapi([raw_words(corpus.texts[i]) for i in by_id])
    back = np.argsort(by_id)

    def best(query: str) -> np.ndarray:
        scores = okapi.get_scores(raw_words(query))
        order = np.argsort(-scores, kind="stable")[:TOP]
        return by_id[order[scores[order] > 0]]

    return lambda queries: [best(query) for query in queries], lambda query: okapi.get_scores(raw_words(query))[back]


def _bm25s(corpus: Corpus, backend: str, dtype: str) -> tuple[Search, None]:
    import bm25s

    retriever = bm25s.BM25(backend=backend, dtype=dtype, k1=1.5, b=0.75)
    retriever.index([raw_words(text) for text in corpus.texts], show_progress=False)

    def best(queries: Sequence[str]) -> list[np.ndarray]:
        words = [raw_words(query) for query in queries]
        return list(retriever.retrieve(words, k=TOP, show_progress=False, n_threads=0)[0])

    return best, None


ENGINES: dict[str, Callable[[Corpus, np.ndarray], tuple[Search, Scores | None]]] = {
    "indexed": _indexed,
    "rank_bm25": _rank_bm25,
    "bm25s_numpy": lambda corpus, _: _bm25s(corpus, "numpy", "float32"),
    "bm25s_numba": lambda corpus, _: _bm25s(corpus, "numba", "float32"),
    "bm25s_numba64": lambda corpus, _: _bm25s(corpus, "numba", "float64"),
}


def _digest(vectors: Sequence[np.ndarray]) -> str:
    """Of whole score vectors, so that one differing bit shows."""
    digest = hashlib.sha256()
    for vector in vectors:
        digest.update(vector.tobytes())
    return digest.hexdigest()


def _begin_peak() -> int:
    """Bytes held now; from now on `_peak` counts afresh (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def goals(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The largest size against the aims: times faster than the others, build seconds, memory."""
    most = max(row["samples"] for row in rows)
    texts = max(row["texts"] for row in rows if row["samples"] == most)
    largest = {row["engine"]: row for row in rows if (row["samples"], row["texts"]) == (most, texts)}
    ours, reference = largest.get("indexed"), largest.get("rank_bm25")
    if ours is None:
        return {}
    others = [row["ms"] for name, row in largest.items() if name.startswith("bm25s")]
    few = [row["ms"] for row in rows if row["engine"] == "indexed" and row["samples"] == most and row is not ours]
    return {
        "samples": most,
        "identical": ours["same_scores"] and ours["same_top"] == reference["queries"] if reference else None,
        "times_rank_bm25": round(reference["ms"] / ours["ms"]) if reference else None,
        "times_fastest_bm25s": round(min(others) / ours["ms"], 1) if others else None,
        "build_s": ours["build_s"],
        "peak_mb": ours["peak_mb"],
        "ms_with_few_texts": few[0] if few else None,
    }


def show(figures: dict[str, Any], console: Console) -> None:
    """The table and what it comes to."""
    from rich import box
    from rich.table import Table

    title = f"Top {TOP} of {figures['queries']} queries, CPU time, one thread; agreement on {figures['exact']} of them"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("samples", "texts", "engine", "build s", "peak MB", "ms/query", "scores", "same top", "overlap"):
        table.add_column(column, justify="left" if column == "engine" else "right", no_wrap=True)
    for row in figures["rows"]:
        scores = {True: "equal", False: "differ", None: "–"}[row["same_scores"]]
        top, share = row["same_top"], row["overlap"]
        table.add_row(
            f"{row['samples']:,}",
            f"{row['texts']:,}",
            NAMES[row["engine"]],
            f"{row['build_s']:.2f}",
            f"{row['peak_mb']:,}",
            f"{row['ms']:,.3f}",
            scores,
            "–" if top is None else f"{top}/{figures['exact']}",
            "–" if share is None else f"{100 * share:.1f}%",
        )
    console.print(table)
    done = figures["goals"]
    if done.get("times_rank_bm25") and done["times_fastest_bm25s"]:
        console.print(
            f"At {done['samples']:,} samples: identical to rank-bm25: {done['identical']}; {done['times_rank_bm25']} "
            f"times as fast; {done['times_fastest_bm25s']} times the fastest bm25s; built in {done['build_s']} s "
            f"within {done['peak_mb']} MB; {done['ms_with_few_texts']} ms a query with the fewest texts",
            highlight=False,
        )


if __name__ == "__main__":
    prepare_script()
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    sys.exit(say_errors(main))
