"""Detection quality on labelled sets: ROC-AUC and average precision, prequentially.

    python benchmarks/quality.py --data FOLDER
    python benchmarks/quality.py --data FOLDER --peers --ablation --out build/quality
    python benchmarks/quality.py --from build/quality/results.jsonl --out build/quality

FOLDER holds .npz files with X (n, d) and y (0 normal, 1 anomaly). The default configuration runs
beside two of river's detectors; --peers adds the other streaming detectors that are installed
(`make bench-peers` installs them), --ablation the default with each rule switched off in turn.
With --out every result is kept as it comes, a run that was stopped goes on where it was, and tables
(quality.md) and a picture (quality.svg, quality.png) are written; --from makes them again from
kept results.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.comparison import ablation, kept, peers, plot
from benchmarks.comparison.markdown import document
from benchmarks.comparison.protocol import Detector, Result, measure
from benchmarks.comparison.summary import Summary, summarise, text

ALWAYS = (ablation.DEFAULT, "river HalfSpaceTrees", "river LODA")


def configurations() -> dict[str, Detector]:
    """Return every detector that can run here, by name."""
    able, _ = peers.detectors()
    return {d.name: d for d in [ablation.default(), *able, *ablation.variants()]}


def run(task: kept.Task) -> Result:
    """Measure one task, in a process of its own."""
    return measure(configurations()[task.detector], task.path, task.seed)


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="folder of .npz files")
    source.add_argument("--from", type=Path, dest="kept", metavar="FILE", help="kept results")
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 .. N-1 (default 5)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--peers", action="store_true", help="run other detectors as well")
    parser.add_argument("--ablation", action="store_true", help="switch each rule off in turn")
    parser.add_argument("--only", nargs="+", metavar="DETECTOR", help="these names and no others")
    parser.add_argument("--skip", nargs="+", default=[], metavar="DETECTOR", help="not these")
    parser.add_argument("--out", type=Path, help="folder for results, tables and the picture")
    return parser.parse_args()


def main() -> None:
    """Measure, or read what was measured, and show it."""
    asked = arguments()
    if asked.kept:
        results = kept.read(asked.kept)
        if not results:
            raise SystemExit(f"quality.py: error: there are no results in {asked.kept}")
    else:
        results = list(measured(asked))
    show(results, asked.out)


def measured(asked: argparse.Namespace) -> Iterator[Result]:
    """Yield the results asked for: those that are there, and those that have to be run."""
    paths = sorted(asked.data.glob("*.npz"))
    if not paths:
        raise SystemExit(f"quality.py: error: no .npz file in {asked.data}")
    wanted = kept.tasks(chosen(asked), paths, asked.seeds)
    store = asked.out / kept.NAME if asked.out else None
    if store:
        store.parent.mkdir(parents=True, exist_ok=True)
    have, remain = kept.split(wanted, chosen(asked), kept.read(store) if store else [])
    if have:
        print(f"{len(have)} of {len(wanted)} results are there already", file=sys.stderr)
    yield from have
    with ProcessPoolExecutor(asked.jobs) as pool:
        for done in as_completed([pool.submit(run, task) for task in remain]):
            if store:
                kept.add(store, done.result())
            yield done.result()


def chosen(asked: argparse.Namespace) -> list[Detector]:
    """Return the detectors to run."""
    every = configurations()
    rules = list(ablation.RULES) if asked.ablation else []
    others = [name for name in peers.PEERS if name in every] if asked.peers else []
    names = asked.only or dict.fromkeys([*ALWAYS, *others, *rules])
    unknown = [name for name in [*names, *asked.skip] if name not in every]
    if unknown:
        known = ", ".join(map(repr, every))
        raise SystemExit(f"quality.py: error: no detector {unknown[0]!r} here; there are {known}")
    return [every[name] for name in names if name not in asked.skip]


def show(results: Sequence[Result], out: Path | None) -> None:
    """Print a table for each detector; write tables and picture to ``out`` if there is one."""
    there = {r.detector for r in results}
    ordered = [n for n in chain([ablation.DEFAULT], peers.PEERS, ablation.RULES) if n in there]
    found = {name: summarise(results, name) for name in ordered}
    print("\n".join(chain.from_iterable(map(text, found.values()))).lstrip("\n"))
    if out is None:
        return
    if ablation.DEFAULT not in found:
        raise SystemExit("quality.py: error: tables need results of the default configuration")
    out.mkdir(parents=True, exist_ok=True)
    default = found.pop(ablation.DEFAULT)
    others = [s for name, s in found.items() if name in peers.PEERS]
    variants = [s for name, s in found.items() if name in ablation.RULES]
    write(out, default, others, variants)


def write(out: Path, default: Summary, others: list[Summary], variants: list[Summary]) -> None:
    """Write quality.md, and the picture where there are others and matplotlib."""
    known = dict.fromkeys(peers.PEERS, "not asked for") | peers.detectors()[1]
    shown = {summary.detector for summary in others}
    absent = {name: why for name, why in known.items() if name not in shown} if others else {}
    lines = document(default, others, variants, absent)
    (out / "quality.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    written = [out / "quality.md"]
    if others and find_spec("matplotlib"):
        for name in ("quality.svg", "quality.png"):
            plot.draw([default, *others], default.detector, out / name)
            written.append(out / name)
    elif others:
        print("no picture: matplotlib is not installed (make bench-peers)", file=sys.stderr)
    print("\nwritten: " + ", ".join(map(str, written)), file=sys.stderr)


if __name__ == "__main__":
    main()
