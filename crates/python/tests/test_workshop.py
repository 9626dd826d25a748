"""Packages and language models made in Python are those of the command, and recognise."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import stonechat
from conftest import SAID, Kitchen

BUNDLED = Path(__file__).resolve().parents[3] / "models" / "default.stonechat"


def command(*arguments: object) -> Any:
    done = subprocess.run(
        [os.environ["STONECHAT"], *map(str, arguments), "--json"], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def test_inspect() -> None:
    assert stonechat.inspect() == command("inspect")
    assert stonechat.inspect(BUNDLED) == command("inspect", "--model", BUNDLED)


@pytest.mark.parametrize(
    ("how", "options"),
    [
        ({"variance": 0.95}, ["--variance", "0.95"]),
        ({"budget": 900_000}, ["--budget", "900000"]),
        ({"plan": {"low_rank": {"rank": {"variance": 0.9}}, "quantize": {"bits": 8}}}, None),
    ],
    ids=["variance", "budget", "plan"],
)
def test_compress(how: dict[str, Any], options: list[str] | None, tmp_path: Path, kitchen: Kitchen) -> None:
    output = tmp_path / "small.stonechat"
    change = stonechat.compress(BUNDLED, output, **how)
    if options is not None:
        other = tmp_path / "other.stonechat"
        assert command("compress", "--model", BUNDLED, "--output", other, *options) == change
        assert other.read_bytes() == output.read_bytes()
    assert change["after"]["parameters"] < change["before"]["parameters"]
    assert change["after"]["model_bytes"] == output.stat().st_size
    assert stonechat.Recognizer(output).transcribe(kitchen.flac).words


def test_quantize(tmp_path: Path) -> None:
    output, other = tmp_path / "q.stonechat", tmp_path / "other.stonechat"
    change = stonechat.quantize(None, output, bits=4)
    assert command("quantize", "--bits", "4", "--output", other) == change
    assert other.read_bytes() == output.read_bytes()
    assert output.stat().st_size < BUNDLED.stat().st_size
    assert stonechat.Recognizer(output).sample_rate == 16000


def test_lm_build(tmp_path: Path, kitchen: Kitchen) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n".join(SAID.values()) * 3 + "\nTurn off the radio, please!\n")
    packed, other, arpa = tmp_path / "m.lm", tmp_path / "other.lm", tmp_path / "m.arpa"
    built = stonechat.lm_build(text, packed, order=2, normalize="english")
    told = command("lm", "build", text, "--order", "2", "--normalize", "english", "--output", other)
    assert packed.read_bytes() == other.read_bytes()
    assert built == {name: told[name] for name in built} | {"output": str(packed)}
    assert stonechat.Recognizer(lm=packed).transcribe(kitchen.flac).text == kitchen.said
    assert "prob_bits" not in stonechat.lm_build([text], arpa, cutoffs=[0])
    assert arpa.read_text().lstrip().startswith("\\data\\")


def test_refused(tmp_path: Path) -> None:
    output = tmp_path / "out"
    text = tmp_path / "text.txt"
    text.write_text("one two three\n" * 5)
    model = tmp_path / "model.stonechat"
    model.write_bytes(BUNDLED.read_bytes())
    calls: list[tuple[Any, type[Exception], str]] = [
        (lambda: stonechat.inspect("no/such"), FileNotFoundError, "no/such"),
        (lambda: stonechat.inspect(text), ValueError, "text.txt"),
        (lambda: stonechat.compress(model, output), ValueError, "exactly one"),
        (lambda: stonechat.compress(model, output, variance=0.9, budget=3), ValueError, "exactly one"),
        (lambda: stonechat.compress(model, output, variance=7), ValueError, "variance"),
        (lambda: stonechat.compress(model, model, variance=0.9), ValueError, "model.stonechat"),
        (lambda: stonechat.compress(model, tmp_path / "no" / "x", variance=0.9), ValueError, "no folder"),
        (lambda: stonechat.compress(model, output, variance=0.9, whiten=True), ValueError, "calibrat"),
        (lambda: stonechat.compress(model, output, plan={}), ValueError, "does nothing"),
        (lambda: stonechat.compress(model, output, plan="no.toml"), FileNotFoundError, "no.toml"),
        (lambda: stonechat.compress(model, output, variance=0.9, calibrate="no.jsonl"), FileNotFoundError, "no.jsonl"),
        (lambda: stonechat.quantize(model, output, bits=5), ValueError, "8 or 4"),
        (lambda: stonechat.quantize(model, output, correction=4), ValueError, "correction"),
        (lambda: stonechat.lm_build([], output), ValueError, "texts"),
        (lambda: stonechat.lm_build(text, text), ValueError, "text.txt"),
        (lambda: stonechat.lm_build(text, output, order=9), ValueError, "order"),
        (lambda: stonechat.lm_build(text, output, cutoffs=[1, 2, 3]), ValueError, "cutoffs"),
        (lambda: stonechat.lm_build(text, output, normalize="welsh"), ValueError, "welsh"),
        (lambda: stonechat.lm_build(text, tmp_path / "x.arpa", prob_bits=8), ValueError, "prob_bits"),
        (lambda: stonechat.lm_build(tmp_path / "no.txt", output), FileNotFoundError, "no.txt"),
    ]
    for call, error, words in calls:
        with pytest.raises(error) as raised:
            call()
        assert words in str(raised.value)
    assert not output.exists()
