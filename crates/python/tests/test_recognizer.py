"""Settings, streams, events, threads."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stonechat
from conftest import Kitchen
from stonechat import _native

BUNDLED = Path(__file__).resolve().parents[3] / "models"
PAUSE = np.zeros(32000, np.int16)


def test_keywords_are_the_table() -> None:
    given = inspect.signature(stonechat.Recognizer).parameters
    names = [name.replace("-", "_") for name, _, _ in _native.settings()]
    assert [name for name, each in given.items() if each.kind is each.KEYWORD_ONLY] == names


SETTINGS: list[dict[str, Any]] = [
    {"greedy": True},
    {"beam": 16, "alpha": 0.5, "beta": 0.1},
    {"beam": np.int64(16), "alpha": np.float32(0.5)},
    {"hotwords": ["little station", "kitchen:3"]},
    {"hotwords": {"little station": 6, "kitchen": None}},
    {"hotwords": "little station\n# a remark\nkitchen:3"},
    {"hotword": "kitchen:3", "no_lm": True},
    {"grammar": ["turn on the light in the kitchen", "it was cold"], "min_confidence": 0.1},
    {"grammar": ["Turn on the light in the kitchen!"], "normalize": "english"},
    {"keywords": ("kitchen", "light"), "threshold": -1.0},
    {"keyword": "kitchen", "vad": True, "vad_threshold": 0.4},
    {"endpoint": 0.6, "nbest": 3},
    {"confidence_weights": [1, 0.5, 0, 0, 0], "beam": 8},
    {"lm": BUNDLED / "default.lm"},
    {"lm": (BUNDLED / "default.lm").read_bytes()},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: ",".join(settings))
def test_settings(settings: dict[str, Any], model: stonechat.Model, kitchen: Kitchen) -> None:
    heard = stonechat.Recognizer(model, **settings).transcribe(kitchen.flac)
    if not settings.get("greedy") and not settings.get("no_lm"):
        assert heard.text == kitchen.said
    found = heard.utterances[0] if heard.utterances else heard
    assert len(found.alternatives) == settings.get("nbest", 0)
    assert (heard.utterances is None) == ("endpoint" not in settings)
    assert (heard.rejected is None) == ("grammar" not in settings)


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"beam": 0}, ValueError, "beam"),
        ({"beam": "wide"}, ValueError, 'beam: "wide": must be 1 to 65536'),
        ({"beam": 2.5}, ValueError, "beam"),
        ({"beem": 3}, TypeError, "beem"),
        ({"alpha": float("nan")}, ValueError, "alpha"),
        ({"beta": float("inf")}, ValueError, "beta"),
        ({"alpha": object()}, TypeError, "object"),
        ({"hotwords": []}, None, ""),
        ({"hotwords": [3]}, ValueError, "texts"),
        ({"hotwords": ["café"]}, ValueError, "é"),
        ({"hotwords": {"kitchen": "much"}}, ValueError, "number"),
        ({"greedy": True, "beam": 4}, ValueError, "greedy"),
        ({"grammar": ["on"], "lm": BUNDLED / "default.lm"}, ValueError, "grammar"),
        ({"no_lm": True, "lm": BUNDLED / "default.lm"}, ValueError, "no-lm"),
        ({"lm": "no/such.lm"}, FileNotFoundError, "no/such.lm"),
        ({"lm": b"no model"}, ValueError, "language model"),
        ({"lm": 3}, TypeError, "int"),
        ({"threshold": -1.0}, ValueError, "keyword"),
        ({"vad": "perhaps"}, ValueError, "true or false"),
        ({"endpoint": 0}, ValueError, "0.05 to 60"),
    ],
)
def test_settings_refused(
    settings: dict[str, Any], error: type[Exception] | None, text: str, model: stonechat.Model
) -> None:
    if error is None:
        stonechat.Recognizer(model, **settings)
        return
    with pytest.raises(error) as raised:
        stonechat.Recognizer(model, **settings)
    assert text in str(raised.value)


def test_models(tmp_path: Path, kitchen: Kitchen) -> None:
    package = BUNDLED / "default.stonechat"
    for model in (package, str(package), package.read_bytes(), stonechat.Model(package)):
        recognizer = stonechat.Recognizer(model, lm=BUNDLED / "default.lm")
        assert recognizer.transcribe(kitchen.flac).text == kitchen.said
        assert recognizer.sample_rate == recognizer.model.sample_rate == 16000
    assert "16000 Hz" in repr(recognizer)
    damaged = tmp_path / "damaged.stonechat"
    damaged.write_bytes(package.read_bytes()[:100000])
    refused: list[tuple[Any, type[Exception], str]] = [
        ("no/such.stonechat", FileNotFoundError, "no/such.stonechat"),
        (tmp_path, ValueError, "not a regular file"),
        (damaged, ValueError, "damaged.stonechat"),
        (b"no package", ValueError, "package"),
        (3, TypeError, "int"),
    ]
    for source, error, text in refused:
        with pytest.raises(error) as raised:
            stonechat.Recognizer(source)
        assert text in str(raised.value)


def test_streams(recognizer: stonechat.Recognizer, kitchen: Kitchen) -> None:
    samples = kitchen.float32(48000)
    with recognizer.stream(rate=48000) as stream:
        texts = []
        for start in range(0, len(samples), 4800):
            stream.push(samples[start : start + 4800])
            assert 0 <= stream.stable <= len(stream.partial)
            texts.append((stream.partial, stream.stable))
        assert "48000 Hz" in repr(stream) and stream.rate == 48000
    # What is stable stays.
    for (before, stable), (after, _) in zip(texts, texts[1:]):
        assert after.startswith(before[:stable])
    assert len({text for text, _ in texts}) > 3
    last = stream.finish()
    assert last.text == kitchen.said and stream.finish() == last
    assert stream.seconds == pytest.approx(len(samples) / 48000)
    with pytest.raises(ValueError, match="reset"):
        stream.push(samples)
    stream.reset()
    assert stream.partial == "" and stream.seconds == 0
    stream.push(kitchen.pcm(48000))
    assert stream.finish() == last
    with pytest.raises(KeyError), recognizer.stream() as broken:
        raise KeyError
    broken.push(b"")  # not finished


def test_hotwords_change_on_the_way(recognizer: stonechat.Recognizer, kitchen: Kitchen) -> None:
    def heard(hotwords: Any) -> str:
        stream = recognizer.stream()
        stream.push(PAUSE[:1600])
        if hotwords is not None:
            stream.set_hotwords(hotwords)
        stream.push(kitchen.int16())
        return stream.finish().text

    assert heard(None) == kitchen.said
    assert heard(["kitten:40"]).endswith("kitten")
    assert heard({"kitten": 40.0}).endswith("kitten")
    with pytest.raises(ValueError, match="é"):
        heard(["café"])
    greedy = stonechat.Recognizer(recognizer.model, greedy=True).stream()
    with pytest.raises(ValueError):
        greedy.set_hotwords(["kitten"])


def test_utterances_and_keywords(model: stonechat.Model, kitchen: Kitchen) -> None:
    recognizer = stonechat.Recognizer(model, endpoint=0.7, keywords=["kitchen", "station"])
    stream = recognizer.stream()
    for _ in range(2):
        stream.push(kitchen.int16())
        stream.push(PAUSE)
    first, second = stream.take_utterances()
    assert first.text == second.text == kitchen.said
    assert second.words[0].start > first.words[-1].end
    spotted = stream.take_spotted()
    assert [(each.phrase, each.index) for each in spotted] == [("kitchen", 0)] * 2
    assert spotted[0].start < spotted[0].end and spotted[0].score <= 0
    assert stream.take_utterances() == [] and stream.take_spotted() == []
    heard = recognizer.transcribe(np.concatenate([kitchen.int16(), PAUSE, kitchen.int16(), PAUSE]))
    assert heard.utterances is not None and [str(each) for each in heard.utterances] == [kitchen.said] * 2
    assert heard.text == f"{kitchen.said} {kitchen.said}"


def chunks(kitchen: Kitchen, size: int) -> Iterator[Any]:
    samples = np.concatenate([kitchen.int16(), PAUSE, kitchen.int16()])
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


async def later(pieces: Iterator[Any]) -> AsyncIterator[Any]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


def test_listening(model: stonechat.Model, kitchen: Kitchen) -> None:
    recognizer = stonechat.Recognizer(model, keywords=["kitchen"])
    results = []
    for size in (1600, 7777):
        events = list(recognizer.listen(chunks(kitchen, size)))
        results.append([event for event in events if not isinstance(event, stonechat.Partial)])
        partials = [event for event in events if isinstance(event, stonechat.Partial)]
        assert len(partials) > 5 and str(partials[0]) in kitchen.said

        async def collect() -> list[stonechat.Event]:
            return [event async for event in recognizer.listen_async(later(chunks(kitchen, size)))]

        assert asyncio.run(collect()) == events
    assert results[0] == results[1]
    said = [event.text for event in results[0] if isinstance(event, stonechat.Utterance)]
    assert said == [kitchen.said] * 2
    assert len(results[0]) == 4, results[0]
    heard = asyncio.run(recognizer.transcribe_async(kitchen.flac))
    assert heard == recognizer.transcribe(kitchen.flac)
    with pytest.raises(ValueError, match="3 Hz"):
        recognizer.listen([], rate=3)


def test_other_threads_run_meanwhile(recognizer: stonechat.Recognizer) -> None:
    noise = np.random.default_rng(5).normal(0, 0.1, 16000 * 200).astype(np.float32)
    turns, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            turns[0] += 1

    other = threading.Thread(target=count)
    other.start()
    try:
        stream = recognizer.stream()
        before = turns[0]
        stream.push(noise)
        meanwhile = turns[0] - before
    finally:
        stop.set()
        other.join()
    assert meanwhile > 1000


def test_a_thread_a_stream(recognizer: stonechat.Recognizer, kitchen: Kitchen) -> None:
    texts = []

    def work() -> None:
        texts.append(recognizer.transcribe(kitchen.flac).text)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert texts == [kitchen.said] * 4


def test_two_threads_in_one_stream(recognizer: stonechat.Recognizer, kitchen: Kitchen) -> None:
    stream = recognizer.stream()
    silence = np.zeros(16000 * 300, np.float32)
    inside, errors = threading.Event(), []

    def work() -> None:
        inside.set()
        stream.push(silence)

    worker = threading.Thread(target=work)
    worker.start()
    inside.wait()
    while worker.is_alive():
        try:
            stream.partial
        except RuntimeError as error:
            errors.append(str(error))
    worker.join()
    assert errors and "another thread" in errors[0]
    stream.push(kitchen.int16())
    assert stream.finish().text == kitchen.said


def test_what_cannot_be_pickled_says_so(recognizer: stonechat.Recognizer) -> None:
    for thing in (recognizer, recognizer.stream(), recognizer.model):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(thing)
