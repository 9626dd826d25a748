"""Whatever audio is given as, the text is the same; what is no audio is refused with words."""

from __future__ import annotations

import array
import ctypes
import io
import signal
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stonechat
from conftest import SAID, SAMPLES, Kitchen


def unaligned(samples: Any) -> Any:
    raw = bytes(1) + samples.tobytes()
    return np.frombuffer(raw, dtype=samples.dtype, offset=1)


def ctypes_array(samples: Any) -> Any:
    return (ctypes.c_int16 * len(samples))(*samples.tolist())


def wav(samples: Any, rate: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


GIVEN: dict[str, Callable[[Kitchen], tuple[Any, int | None]]] = {
    "path as text": lambda k: (str(k.flac), None),
    "path": lambda k: (k.flac, None),
    "file in memory": lambda k: (io.BytesIO(k.flac.read_bytes()), None),
    "bytes of a file": lambda k: (k.flac.read_bytes(), None),
    "bytearray of a file": lambda k: (bytearray(k.flac.read_bytes()), None),
    "uint8 array of a file": lambda k: (np.fromfile(k.flac, dtype=np.uint8), None),
    "wav of 48 kHz": lambda k: (wav(k.int16(48000), 48000), None),
    "bytes of samples": lambda k: (k.pcm(), 16000),
    "file of samples": lambda k: (io.BytesIO(k.pcm(48000)), 48000),
    "int16": lambda k: (k.int16(), None),
    "int16 of 48 kHz": lambda k: (k.int16(48000), 48000),
    "float32": lambda k: (k.float32(), None),
    "float32 of 48 kHz": lambda k: (k.float32(48000), 48000),
    "read-only": lambda k: (np.frombuffer(k.pcm(), dtype="<i2"), 16000),
    "every second element": lambda k: (np.repeat(k.float32(), 2)[::2], 16000),
    "a column": lambda k: (np.stack([k.float32(), -k.float32()], axis=1)[:, 0], 16000),
    "backwards twice": lambda k: (k.int16()[::-1].copy()[::-1], 16000),
    "big-endian int16": lambda k: (k.int16().astype(">i2"), 16000),
    "big-endian float32": lambda k: (k.float32().astype(">f4"), 16000),
    "unaligned int16": lambda k: (unaligned(k.int16()), 16000),
    "unaligned float32": lambda k: (unaligned(k.float32()), 16000),
    "array.array": lambda k: (array.array("h", k.int16().tolist()), None),
    "memoryview": lambda k: (k.float32().data, None),
    "ctypes": lambda k: (ctypes_array(k.int16()), None),
    "integers as floats": lambda k: (k.int16().astype(np.float32), None),
}


@pytest.mark.parametrize("given", GIVEN)
def test_the_same_text(given: str, recognizer: stonechat.Recognizer, kitchen: Kitchen) -> None:
    audio, rate = GIVEN[given](kitchen)
    heard = recognizer.transcribe(audio, rate)
    assert heard.text == kitchen.said
    assert [word.word for word in heard.words] == kitchen.said.split()
    assert heard.seconds == pytest.approx(len(kitchen.int16()) / 16000, abs=0.01)
    assert bool(heard.warnings) == (given == "integers as floats"), heard.warnings


@pytest.mark.parametrize("name", SAID)
def test_the_samples(name: str, recognizer: stonechat.Recognizer) -> None:
    assert str(recognizer.transcribe(SAMPLES / f"{name}.flac")) == SAID[name]


@pytest.mark.parametrize("size", [1, 2, 3, 319, 4001, 1 << 20])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_pieces_of_bytes(size: int, rate: int, recognizer: stonechat.Recognizer, kitchen: Kitchen) -> None:
    stream = recognizer.stream(rate)
    whole = recognizer.stream(rate)
    pcm = kitchen.pcm(rate)[: 60000 if size < 3 else None]
    whole.push(pcm)
    for start in range(0, len(pcm), size):
        stream.push(pcm[start : start + size])
    assert stream.finish() == whole.finish()


REFUSED: dict[str, tuple[Callable[[Kitchen, Path], tuple[Any, Any]], type[Exception], str]] = {
    "no file": (lambda k, f: (f / "no.wav", None), FileNotFoundError, "no.wav"),
    "a folder": (lambda k, f: (f, None), IsADirectoryError, "directory"),
    "no audio": (lambda k, f: (b"neither this nor that", None), ValueError, "not audio"),
    "an empty file": (lambda k, f: (b"", None), ValueError, "empty"),
    "text mode": (lambda k, f: (io.StringIO("words"), None), TypeError, '"rb"'),
    "two dimensions": (lambda k, f: (np.zeros((2, 3), np.float32), None), ValueError, "2 x 3"),
    "no dimension": (lambda k, f: (np.float32(0.5).reshape(()), None), ValueError, "0 dimensions"),
    "float64": (lambda k, f: (np.zeros(10), None), ValueError, "float64"),
    "int32": (lambda k, f: (np.zeros(10, np.int32), None), ValueError, "int32"),
    "complex": (lambda k, f: (np.zeros(10, np.complex64), None), ValueError, "complex64"),
    "booleans": (lambda k, f: (np.zeros(10, np.bool_), None), ValueError, "bool"),
    "array of doubles": (lambda k, f: (array.array("d", [0.0]), None), ValueError, '"d"'),
    "a list": (lambda k, f: ([0.0, 0.5], None), TypeError, "list"),
    "nothing": (lambda k, f: (None, None), TypeError, "NoneType"),
    "a rate of a file": (lambda k, f: (k.flac, 16000), ValueError, "says its own"),
    "a slow rate": (lambda k, f: (k.pcm(), 3), ValueError, "3 Hz"),
    "a negative rate": (lambda k, f: (k.pcm(), -1), ValueError, "-1 Hz"),
    "a rate in text": (lambda k, f: (k.pcm(), "fast"), TypeError, "int"),
    "half a sample": (lambda k, f: (k.pcm() + b"x", 16000), ValueError, "half a sample"),
}


@pytest.mark.parametrize("given", REFUSED)
def test_refused(given: str, recognizer: stonechat.Recognizer, kitchen: Kitchen, tmp_path: Path) -> None:
    make, error, text = REFUSED[given]
    audio, rate = make(kitchen, tmp_path)
    with pytest.raises(error) as raised:
        recognizer.transcribe(audio, rate)
    assert text in str(raised.value)
    if rate is None and isinstance(audio, (np.ndarray, list, array.array)):
        stream = recognizer.stream()
        with pytest.raises(error) as raised:
            stream.push(audio)  # type: ignore[arg-type]
        assert text in str(raised.value)


class Breaking(io.RawIOBase):
    """A file that breaks after some bytes."""

    def __init__(self, start: bytes, error: BaseException) -> None:
        self._start, self._error = start, error

    def read(self, size: int = -1, /) -> bytes:
        if not self._start:
            raise self._error
        start, self._start = self._start[:size], self._start[size:]
        return start


@pytest.mark.parametrize("error", [ConnectionResetError("gone"), KeyError("k"), KeyboardInterrupt()])
@pytest.mark.parametrize("rate", [None, 16000])
def test_errors_of_files_come_through(
    error: BaseException, rate: int | None, recognizer: stonechat.Recognizer, kitchen: Kitchen
) -> None:
    start = kitchen.pcm() if rate else kitchen.flac.read_bytes()[:20000]
    with pytest.raises(type(error)) as raised:
        recognizer.transcribe(Breaking(start, error), rate)
    assert raised.value is error


def test_interrupted_as_anything_else(recognizer: stonechat.Recognizer) -> None:
    def ring(number: int, frame: object) -> None:
        raise InterruptedError("Ctrl-C")

    noise = np.random.default_rng(5).normal(0, 0.1, 16000 * 3000).astype(np.float32)
    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(InterruptedError, match="Ctrl-C"):
            recognizer.transcribe(noise)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
