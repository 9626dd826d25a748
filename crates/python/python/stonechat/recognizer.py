"""Recognizers and streams."""

from __future__ import annotations

import asyncio
import json
import math
import numbers
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Protocol, TypeAlias

from stonechat import _native
from stonechat.results import Partial, Spotted, Transcript, Utterance, transcript, utterance


class Buffer(Protocol):
    """What has a buffer: bytes, ``array.array``, memoryview and others."""

    def __buffer__(self, flags: int, /) -> memoryview: ...


class Array(Protocol):
    """An array of numpy, or one that shows itself as such; it must have a buffer."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


class BinaryFile(Protocol):
    """Anything with a ``read`` that gives bytes."""

    def read(self, size: int, /) -> bytes: ...


#: One channel of samples: a one-dimensional array of float32 (-1 to 1) or int16, or bytes with samples of 16 bits in little-endian order.
Samples: TypeAlias = Buffer | Array
Path: TypeAlias = str | os.PathLike[str]
#: What ``transcribe`` takes: a path, a binary file, the bytes of a file, or samples.
Audio: TypeAlias = Path | BinaryFile | Samples
#: What ``listen`` gives.
Event: TypeAlias = Partial | Utterance | Spotted
Hotwords: TypeAlias = str | Iterable[str] | Mapping[str, float | None]


class Recognizer:
    """A model with settings, which are those of the command: ``docs/settings.md`` explains each.

    ``model`` is a package (path or bytes), a :class:`Model` to be shared, or the bundled English one. Recognizers may be used by
    several threads at a time, and work on all cores: the interpreter's lock is given back.

    Raises ``ValueError`` for what is not right, with the setting or the file in its text, and ``FileNotFoundError``.
    """

    __slots__ = ("_model", "_native")

    def __init__(
        self,
        model: _native.Model | Path | Samples | None = None,
        *,
        beam: int | None = None,
        greedy: bool | None = None,
        lm: Path | Samples | None = None,
        no_lm: bool | None = None,
        alpha: float | None = None,
        beta: float | None = None,
        hotword: str | None = None,
        hotwords: Hotwords | None = None,
        grammar: str | Iterable[str] | None = None,
        garbage: float | None = None,
        nearest: bool | None = None,
        min_confidence: float | None = None,
        confidence_weights: str | Iterable[float] | None = None,
        normalize: str | None = None,
        keyword: str | None = None,
        keywords: str | Iterable[str] | None = None,
        threshold: float | None = None,
        vad: bool | None = None,
        vad_threshold: float | None = None,
        endpoint: float | None = None,
        nbest: int | None = None,
    ) -> None:
        given = locals()
        names = [name for name in _NAMES if name != "lm" and given[name] is not None]
        settings = {name: _plain(given[name]) for name in names}
        self._model = model if isinstance(model, _native.Model) else _native.Model(model)
        self._native = _native.Recognizer(self._model, json.dumps(settings), lm)

    def __repr__(self) -> str:
        return f"<stonechat.Recognizer of {self.sample_rate} Hz>"

    @property
    def model(self) -> _native.Model:
        """The loaded model, for another recognizer."""
        return self._model

    @property
    def sample_rate(self) -> int:
        """The rate that the model was trained at, Hz; any other is converted."""
        return self._native.sample_rate

    def transcribe(self, audio: Audio, rate: int | None = None) -> Transcript:
        """The transcript of a recording: a file (path, binary file or bytes) of any kind, or samples.

        ``rate`` is that of samples, by default the model's; bytes and files with a rate are raw samples of 16 bits.
        """
        return transcript(json.loads(self._native.transcribe(audio, rate)))

    async def transcribe_async(self, audio: Audio, rate: int | None = None) -> Transcript:
        """:meth:`transcribe` in another thread."""
        return await asyncio.to_thread(self.transcribe, audio, rate)

    def stream(self, rate: int | None = None) -> Stream:
        """A stream of samples at ``rate``, 1000 to 768000 Hz, by default the model's."""
        return Stream(self._native.stream(rate))

    def listen(self, chunks: Iterable[Samples], rate: int | None = None) -> Iterator[Event]:
        """What is heard in audio that comes in pieces of any length: partial texts while they change, utterances when they end,
        keywords. Utterances end after a second of silence where ``endpoint`` says nothing else."""
        return _listen(self._listener(rate), chunks)

    def listen_async(self, chunks: AsyncIterable[Samples], rate: int | None = None) -> AsyncIterator[Event]:
        """:meth:`listen` to what comes asynchronously, working in other threads."""
        return _listen_async(self._listener(rate), chunks)

    def _listener(self, rate: int | None) -> _Listener:
        return _Listener(Stream(self._native.stream(rate, True)))


class Stream:
    """One utterance, or one endless microphone. The text does not depend on how the samples are cut.

    A stream serves one thread at a time; another one that uses it meanwhile gets a ``RuntimeError``.
    """

    __slots__ = ("_native",)

    def __init__(self, native: _native.Stream) -> None:
        self._native = native

    def __repr__(self) -> str:
        return f"<stonechat.Stream of {self.rate} Hz after {self.seconds:.2f} s>"

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finishes the stream, if nothing went wrong: ``finish()`` then gives the last utterance again."""
        if error is None:
            self.finish()

    @property
    def rate(self) -> int:
        """The rate of the samples, Hz."""
        return self._native.rate

    @property
    def seconds(self) -> float:
        """Audio so far."""
        return self._native.seconds

    @property
    def partial(self) -> str:
        """The text of the utterance that goes on."""
        return self._native.partial()[0]

    @property
    def stable(self) -> int:
        """How many characters of :attr:`partial` can no longer change."""
        return self._native.partial()[1]

    def push(self, samples: Samples) -> None:
        """Takes samples, any number of them. Bytes may be cut in the middle of a sample."""
        self._native.push(samples)

    def take_utterances(self) -> list[Utterance]:
        """The utterances that ended by themselves since the last call (setting ``endpoint``)."""
        return [utterance(found) for found in json.loads(self._native.take_utterances())]

    def take_spotted(self) -> list[Spotted]:
        """The keywords that were heard since the last call (setting ``keywords``)."""
        return [Spotted(**found) for found in json.loads(self._native.take_spotted())]

    def finish(self) -> Utterance:
        """Ends the audio and gives the last utterance; the stream then takes nothing more until it is reset."""
        return utterance(json.loads(self._native.finish()))

    def reset(self) -> None:
        """Begins anew, for another utterance. Hotwords stay."""
        self._native.reset()

    def set_hotwords(self, hotwords: Hotwords) -> None:
        """Replaces the hotwords of a search; words that begin later count."""
        self._native.set_hotwords(json.dumps(_plain(hotwords)))


class _Listener:
    """A stream, and which partial text was told."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._told = Partial("", 0)

    def hear(self, samples: Samples) -> list[Event]:
        self._stream.push(samples)
        found = self._ended()
        partial = Partial(*self._stream._native.partial())
        if partial != self._told and (partial.text or not found):
            found.append(partial)
        self._told = partial
        return found

    def finish(self) -> list[Event]:
        last = self._stream.finish()
        found = self._ended()
        if last.words or last.rejected:
            found.append(last)
        return found

    def _ended(self) -> list[Event]:
        return [*self._stream.take_spotted(), *self._stream.take_utterances()]


def _listen(listener: _Listener, chunks: Iterable[Samples]) -> Iterator[Event]:
    for chunk in chunks:
        yield from listener.hear(chunk)
    yield from listener.finish()


async def _listen_async(listener: _Listener, chunks: AsyncIterable[Samples]) -> AsyncIterator[Event]:
    async for chunk in chunks:
        for event in await asyncio.to_thread(listener.hear, chunk):
            yield event
    for event in await asyncio.to_thread(listener.finish):
        yield event


def _plain(value: Any) -> Any:
    """A setting as JSON has it; what is no number there goes as its text, which the library refuses in its own words."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Iterable):
        return [_plain(each) for each in value]
    raise TypeError(f"a setting must be a text, a number, a boolean or a list of them, not {type(value).__name__}")


#: The names of the settings, as keywords.
_NAMES = tuple(name.replace("-", "_") for name, _, _ in _native.settings())
