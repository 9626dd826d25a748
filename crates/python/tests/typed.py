"""What a type checker must understand; `tools/test_python.sh` gives it to mypy."""

from __future__ import annotations

import array
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import assert_type

import numpy as np

import stonechat

recognizer = stonechat.Recognizer(Path("a.stonechat"), beam=8, hotwords={"a": 6, "b": None}, grammar=None)
heard = recognizer.transcribe("talk.mp3")
assert_type(heard, stonechat.Transcript)
assert_type(heard.words[0].start, float)
for audio in (Path("a"), io.BytesIO(), b"", array.array("h"), memoryview(b""), np.zeros(3, np.float32)):
    recognizer.transcribe(audio)
with recognizer.stream(rate=48000) as stream:
    stream.push(np.zeros(3, np.int16))
    assert_type(stream.take_utterances(), list[stonechat.Utterance])
for event in recognizer.listen([b"", np.zeros(3, np.int16)]):
    assert_type(event, stonechat.Partial | stonechat.Utterance | stonechat.Spotted)


async def main(chunks: AsyncIterator[bytes]) -> None:
    async for event in recognizer.listen_async(chunks):
        if isinstance(event, stonechat.Spotted):
            assert_type(event.score, float)


recognizer.transcribe(3)  # type: ignore[arg-type]
stonechat.Recognizer(beem=3)  # type: ignore[call-arg]
heard.text = "other"  # type: ignore[misc]
