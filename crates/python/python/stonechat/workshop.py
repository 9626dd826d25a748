"""Packages and language models made of others: the verbs ``inspect``, ``compress``, ``quantize`` and ``lm build`` of the command.

Each gives the object that the command prints with ``--json``. Files are written whole or not at all. Training stays with the command.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from stonechat import _native

Path = str | os.PathLike[str]
Report = dict[str, Any]


def inspect(model: Path | None = None) -> Report:
    """What a package holds: network, features, alphabet, provenance, and each map with family, rank, nu and bytes. Without a path: of
    the bundled model."""
    return _report(_native.inspect(model))


def compress(
    model: Path | None,
    output: Path,
    *,
    plan: Path | Mapping[str, Any] | None = None,
    variance: float | None = None,
    ranks: Mapping[str, int] | None = None,
    budget: int | None = None,
    whiten: bool = False,
    calibrate: Path | None = None,
    calibrate_seconds: float = 180.0,
) -> Report:
    """Writes a smaller package (of the bundled model if ``model`` is None) to ``output`` and says what became of each map.

    How is one of: ``variance``, the share of each weight's variance that is kept; ``ranks`` by the names of maps; ``budget``, a
    number of parameters; ``plan``, a compression plan as a TOML file or as a dictionary with its keys. ``calibrate`` is a manifest of audio
    that ``whiten`` and some plans need.
    """
    if isinstance(plan, Mapping):
        plan = dict(plan)
    elif plan is not None:
        plan = os.fspath(plan)
    how = {
        "plan": plan,
        "variance": variance,
        "ranks": None if ranks is None else dict(ranks),
        "budget": budget,
        "whiten": whiten,
    }
    return _report(_native.compress(model, output, json.dumps(how), _audio(calibrate, calibrate_seconds)))


def quantize(
    model: Path | None,
    output: Path,
    *,
    bits: int = 8,
    correction: int = 0,
    calibrate: Path | None = None,
    calibrate_seconds: float = 180.0,
) -> Report:
    """Writes a package with weights of 8 or 4 bits to ``output`` and says what became of each map. With audio (``calibrate``, a manifest) by
    GPTQ; ``correction`` is the rank of a correction of each dense map of 4 bits."""
    audio = _audio(calibrate, calibrate_seconds)
    return _report(_native.quantize(model, output, bits, correction, audio))


def lm_build(
    texts: Path | Iterable[Path],
    output: Path,
    *,
    order: int = 3,
    target_size: int | None = None,
    normalize: str | None = None,
    max_words: int | None = None,
    min_word_count: int | None = None,
    cutoffs: Iterable[int] = (),
    prob_bits: int | None = None,
    backoff_bits: int | None = None,
    memory: int = 1_000_000_000,
    temporary: Path | None = None,
) -> Report:
    """Makes an n-gram language model of text files, a sentence a line, plain or compressed with gzip or xz. Where ``output`` ends with
    ``.arpa`` it is text, else packed, of at most ``target_size`` bytes."""
    paths = [texts] if isinstance(texts, (str, os.PathLike)) else list(texts)
    how = {
        "order": order,
        "target_size": target_size,
        "normalize": normalize,
        "max_words": max_words,
        "min_word_count": min_word_count,
        "cutoffs": list(cutoffs),
        "prob_bits": prob_bits,
        "backoff_bits": backoff_bits,
        "memory": memory,
        "temporary": None if temporary is None else os.fspath(temporary),
    }
    return _report(_native.lm_build(paths, output, json.dumps(how)))


def _audio(manifest: Path | None, seconds: float) -> str:
    path = None if manifest is None else os.fspath(manifest)
    return json.dumps({"calibrate": path, "calibrate_seconds": seconds})


def _report(text: str) -> Report:
    report: Report = json.loads(text)
    return report
