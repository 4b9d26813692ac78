"""N-gram models on WikiText-2 beside KenLM and NLTK: perplexity, time and memory to build, speed of scoring.

    python benchmarks/ngram.py --lmplz kenlm/build/bin/lmplz

``<unk>`` is renamed to ``UNK``, so that it is a word like any other for all; every line is a sentence, ends of
sentences are counted. Goals: perplexities of modified Kneser-Ney equal to KenLM's to 0.01 %; building order 5 takes no
longer and less memory than lmplz; scoring at least 1 million tokens/s. KenLM's programs are found beside ``--lmplz``;
its package and NLTK take part where they are installed.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import RESULTS, Table, data_folder

import gatewise

ORDERS, BUILT, NLTK_ORDER = (2, 3, 5), 5, 3
_PERPLEXITY = re.compile(r"Perplexity including OOVs:\s+([\d.]+)")
PROCESS = Path(__file__).resolve().parent / "ngram_process.py"


def texts(data: Path, folder: Path) -> dict[str, str]:
    """The three texts with ``<unk>`` renamed."""
    found = {}
    for name in ("train", "valid", "test"):
        source = data / f"{name}.txt"
        packed = not source.exists()
        raw = gzip.decompress(Path(f"{source}.gz").read_bytes()) if packed else source.read_bytes()
        place = folder / f"{name}.txt"
        place.write_bytes(raw.replace(b"<unk>", b"UNK"))
        found[name] = str(place)
    return found


def measured(command: list[str], stdin: str | None = None, stdout: str | None = None) -> dict[str, Any]:
    """Run a process: seconds of the clock and of the processors, peak MiB, and what it said."""
    source = open(stdin, "rb") if stdin else None  # noqa: SIM115
    target = open(stdout, "wb") if stdout else subprocess.PIPE  # noqa: SIM115
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdin=source, stdout=target, stderr=subprocess.DEVNULL)
    said = process.stdout.read() if process.stdout else b""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return {
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss / 1024,
        "said": said.decode("utf-8", "replace"),
    }


def ours(job: str, order: int, *files: str) -> dict[str, Any]:
    """A job of ngram_process.py."""
    found = measured([sys.executable, str(PROCESS), job, str(order), *files])
    return found | {"told": json.loads(found["said"].splitlines()[-1])}


def lmplz(program: str, order: int, train: str, arpa: Path) -> dict[str, Any]:
    """KenLM's estimation, with its defaults."""
    return measured([program, "-o", str(order), "-T", str(arpa.parent)], train, str(arpa))


def query(program: str, arpa: Path, text: str) -> dict[str, Any]:
    """KenLM's scoring of a text; with loading."""
    found = measured([program, "-v", "summary", str(arpa)], text)
    match = _PERPLEXITY.search(found["said"])
    return found | {"perplexity": float(match[1]) if match else float("nan")}


def perplexities(table: Table, files: dict[str, str], program: str | None, folder: Path) -> None:
    """Ours and KenLM's, by order."""
    for order in ORDERS:
        run = folder / f"run-{order}"
        settings = {"order": order, "pretokenised": True, "reset_at": "line"}
        model = gatewise.train(
            "ngram", files["train"], valid=files["valid"], test=files["test"], out=str(run), **settings
        )
        for text, name in (("valid", "validation"), ("test", "test")):
            found = model.history["scores"][name]["perplexity_per_token"]
            row = {"what": "perplexity", "order": order, "text": text}
            table.add(**row, side="gatewise", value=found, unit="per token", least="", most="", rounds=1)
            if program:
                arpa = folder / f"{order}.arpa"
                if not arpa.exists():
                    lmplz(program, order, files["train"], arpa)
                theirs = query(str(Path(program).parent / "query"), arpa, files[text])["perplexity"]
                table.add(**row, side="KenLM", value=theirs, unit="per token", least="", most="", rounds=1)
                apart = f"  KenLM {theirs:.4f}, apart by {abs(found / theirs - 1):.1e}"
            else:
                apart = ""
            print(f"order {order}, {text}: perplexity {found:.4f}{apart}")


def building(table: Table, files: dict[str, str], program: str | None, folder: Path, rounds: int) -> None:
    """Time and memory of order 5, in turns."""
    sides: dict[str, list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for job in ("build", "build-arpa"):
            sides.setdefault(f"gatewise {job}", []).append(ours(job, BUILT, files["train"], files["valid"]))
        if program:
            sides.setdefault("KenLM lmplz", []).append(lmplz(program, BUILT, files["train"], folder / "timed.arpa"))
    for side, found in sides.items():
        row = {"what": "building", "order": BUILT, "text": "train", "side": side, "rounds": rounds}
        add(table, row, [one["seconds"] for one in found], "s, whole process")
        if "told" in found[0]:
            add(table, row, [one["told"]["seconds"] for one in found], "s, without starting Python")
        add(table, row, [one["cpu_seconds"] for one in found], "s of the processors")
        add(table, row, [one["peak_mib"] for one in found], "MiB at most")


def scoring(table: Table, files: dict[str, str], program: str | None, folder: Path, rounds: int) -> None:
    """Tokens per second, in turns."""
    sides: dict[tuple[str, int], list[float]] = {}

    def note(side: str, order: int, tokens: float, seconds: float) -> None:
        sides.setdefault((side, order), []).append(tokens / seconds)

    for _ in range(rounds):
        for order in (BUILT, NLTK_ORDER):
            told = ours("score", order, files["train"], files["test"])["told"]
            note("gatewise, lines", order, told["tokens"], told["seconds"])
            note("gatewise, evaluate", order, told["evaluate_tokens"], told["evaluate_seconds"])
        arpa = folder / f"{BUILT}.arpa"
        if program and arpa.exists():
            whole = query(str(Path(program).parent / "query"), arpa, files["test"])["seconds"]
            note("KenLM query, with loading", BUILT, told["tokens"], whole)
        if importlib.util.find_spec("kenlm") and arpa.exists():
            kenlm = ours("score-kenlm", BUILT, str(arpa), files["test"])["told"]
            note("kenlm package, lines", BUILT, kenlm["tokens"], kenlm["seconds"])
    if importlib.util.find_spec("nltk"):
        nltk = ours("score-nltk", NLTK_ORDER, files["train"], files["test"])["told"]
        note("NLTK, first words", NLTK_ORDER, nltk["tokens"], nltk["seconds"])
        print(f"NLTK builds order {NLTK_ORDER} in {nltk['build_seconds']:.1f} s")
    for (side, order), found in sides.items():
        row = {"what": "scoring", "order": order, "text": "test", "side": side, "rounds": len(found)}
        add(table, row, found, "tokens/s")


def add(table: Table, row: dict[str, Any], samples: list[float], unit: str) -> None:
    """A row with the median, the least and the most; told, too."""
    middle = statistics.median(samples)
    table.add(**row, value=middle, unit=unit, least=min(samples), most=max(samples))
    told = f"{middle:,.2f} {unit} ({min(samples):,.2f} to {max(samples):,.2f})"
    print(f"{row['what']}, order {row['order']}: {row['side']}: {told}")


def main() -> None:
    """Measure, print, write the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--data", type=Path, default=data_folder("wikitext2"), help="where WikiText-2 lies")
    parser.add_argument("--lmplz", default=shutil.which("lmplz"), help="KenLM's program, with query beside it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS / "ngram.csv")
    asked = parser.parse_args()
    if not asked.lmplz:
        print("no lmplz: KenLM's side is left out")
    table = Table(asked.out)
    with tempfile.TemporaryDirectory(prefix="gatewise-") as place:
        files = texts(asked.data, Path(place))
        perplexities(table, files, asked.lmplz, Path(place))
        building(table, files, asked.lmplz, Path(place), asked.rounds)
        scoring(table, files, asked.lmplz, Path(place), asked.rounds)
    table.close()


if __name__ == "__main__":
    main()
