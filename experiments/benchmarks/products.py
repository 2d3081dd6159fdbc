"""How fast frozen weights are multiplied: PyTorch's own linear layer beside oneDNN, at the pocket student's shapes.

    python experiments/benchmarks/products.py [--seconds 0.3]

One thread; billions of operations a second, and the ratio. Writes experiments/benchmarks/results/products.json.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edt.benchmark import parser_of, publish
from edt.cli import say_errors
from edt.process import prepare_script

if TYPE_CHECKING:
    from rich.console import Console

SHAPES = ((576, 1536), (1536, 576), (576, 49152))
"""(in, out) of the wide layers and of the head."""
ROWS = (32, 512)
"""Of a step of decoding, and of half a training batch."""


def main() -> None:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--seconds", type=float, default=0.3, help="for each product")
    options = parser.parse_args()
    rows = measure(options.seconds)
    publish({"benchmark": "products", "rows": rows}, lambda console: show(rows, console), options.results)


def measure(seconds: float) -> list[dict[str, Any]]:
    """A row a shape and precision."""
    import torch
    from torch.nn.functional import linear

    from edt.products import product

    torch.set_num_threads(1)
    found = []
    for kind in (torch.float32, torch.bfloat16):
        for wide, out in SHAPES:
            for rows in ROWS:
                x, weight = torch.randn(rows, wide).to(kind), torch.randn(out, wide).to(kind)
                work = 2 * rows * wide * out / 1e9
                plain, ours = (work * _rate(way, x, weight, seconds) for way in (linear, product))
                shape = {"precision": str(kind).removeprefix("torch."), "rows": rows, "in": wide, "out": out}
                found.append({**shape, "linear": round(plain, 1), "product": round(ours, 1), "ratio": ours / plain})
    return [{**row, "ratio": round(row["ratio"], 2)} for row in found]


def _rate(way: Callable[..., Any], x: Any, weight: Any, seconds: float) -> float:
    """Products a second."""
    way(x, weight)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        way(x, weight)
        count += 1
    return count / (time.perf_counter() - start)


def show(rows: list[dict[str, Any]], console: Console) -> None:
    from rich.table import Table

    table = Table(title="Products with frozen weights, billions of operations a second, one thread")
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*map(str, row.values()))
    console.print(table)


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
