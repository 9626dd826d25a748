"""What comes out: values that do not change, can be compared, printed and pickled.

``to_dict`` gives the object that the command prints with ``--json``, in the shape of Vosk's.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from stonechat import _native


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its times in seconds from the start of the stream, and how sure it is, 0 to 1."""

    word: str
    start: float
    end: float
    conf: float

    def to_dict(self) -> dict[str, Any]:
        """The word as JSON has it."""
        return {"word": self.word, "start": self.start, "end": self.end, "conf": self.conf}


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the likeliest texts (setting ``nbest``)."""

    text: str
    confidence: float
    score: float
    words: tuple[Word, ...]

    def to_dict(self) -> dict[str, Any]:
        """The alternative as JSON has it."""
        words = [word.to_dict() for word in self.words]
        return {"text": self.text, "confidence": self.confidence, "score": self.score, "result": words}


@dataclass(frozen=True, slots=True)
class AudioWarning:
    """What was wrong with audio, and what was done about it."""

    kind: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """The warning as JSON has it."""
        return {"kind": self.kind, "message": self.message}


@dataclass(frozen=True)
class Utterance:
    """What was said. With a closed grammar, ``rejected`` is what else was said: it is in no text."""

    text: str
    words: tuple[Word, ...] = ()
    rejected: tuple[Word, ...] | None = None
    alternatives: tuple[Alternative, ...] = ()

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The object that the command prints with ``--json``."""
        found: dict[str, Any] = {"text": self.text, "result": [word.to_dict() for word in self.words]}
        if self.rejected is not None:
            found["rejected"] = [word.to_dict() for word in self.rejected]
        if self.alternatives:
            found["alternatives"] = [alternative.to_dict() for alternative in self.alternatives]
        return found

    def to_srt(self) -> str:
        """Subtitles as SubRip."""
        return self._subtitles(vtt=False)

    def to_vtt(self) -> str:
        """Subtitles as WebVTT."""
        return self._subtitles(vtt=True)

    def _subtitles(self, *, vtt: bool) -> str:
        words = json.dumps([word.to_dict() for word in self.words])
        return _native.subtitles(words, self._end(), vtt)

    def _end(self) -> float:
        """No subtitle stays longer."""
        return math.inf


@dataclass(frozen=True)
class Transcript(Utterance):
    """What was said in a recording of ``seconds``; ``utterances`` where they end by themselves (setting ``endpoint``)."""

    seconds: float = 0.0
    utterances: tuple[Utterance, ...] | None = None
    warnings: tuple[AudioWarning, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The object that the command prints with ``--json``."""
        found = Utterance.to_dict(self)
        if self.utterances is not None:
            found["utterances"] = [utterance.to_dict() for utterance in self.utterances]
        found["warnings"] = [warning.to_dict() for warning in self.warnings]
        return found

    def _end(self) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True)
class Partial:
    """The utterance that goes on: its text so far, of which the first ``stable`` characters stay as they are."""

    text: str
    stable: int

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Spotted:
    """A keyword that was heard: the ``index``-th of the list. The score is at most 0; nearer to 0 is surer."""

    phrase: str
    index: int
    start: float
    end: float
    score: float


def words(found: list[dict[str, Any]]) -> tuple[Word, ...]:
    """Words of what JSON has."""
    return tuple(Word(**word) for word in found)


def utterance(found: dict[str, Any]) -> Utterance:
    """An utterance of what JSON has."""
    return Utterance(**_said(found))


def transcript(found: dict[str, Any]) -> Transcript:
    """A transcript of what JSON has."""
    utterances = found.get("utterances")
    return Transcript(
        **_said(found),
        seconds=found["seconds"],
        utterances=None if utterances is None else tuple(map(utterance, utterances)),
        warnings=tuple(AudioWarning(**warning) for warning in found["warnings"]),
    )


def _said(found: dict[str, Any]) -> dict[str, Any]:
    rejected = found.get("rejected")
    alternatives = found.get("alternatives", [])
    return {
        "text": found["text"],
        "words": words(found["result"]),
        "rejected": None if rejected is None else words(rejected),
        "alternatives": tuple(
            Alternative(a["text"], a["confidence"], a["score"], words(a["result"])) for a in alternatives
        ),
    }
