"""Lab 6's benchmark: the core alone, the storage alone, and clusters beside etcd."""

from __future__ import annotations

from rich.table import Table

from grader.bench import Bench, Row, grouped_table
from grader.labs.lab6 import bench_cluster, bench_core, bench_storage

__all__ = ["rows", "tables"]


def rows(bench: Bench) -> list[Row]:
    """Measures all of it."""
    core, storage = bench_core.sides(bench), bench_storage.sides(bench)
    return [
        *bench_core.rows(bench, core),
        *bench_storage.rows(bench, storage),
        *bench_cluster.rows(bench),
    ]


def tables(rows: list[Row]) -> list[Table]:
    """One of each part, which the names begin with."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(f"Lab 6: the {row.name.partition(':')[0]}", []).append(row)
    return [grouped_table(title, part) for title, part in parts.items()]
