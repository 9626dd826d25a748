"""Results are values: frozen, comparable, picklable, and the objects of the command as JSON."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import pickle
import subprocess

import numpy as np
import pytest

import stonechat
from conftest import Kitchen


@pytest.fixture(scope="module")
def heard(model: stonechat.Model, kitchen: Kitchen) -> stonechat.Transcript:
    recognizer = stonechat.Recognizer(model, nbest=3)
    return recognizer.transcribe(kitchen.int16().astype(np.float32))


def test_values(heard: stonechat.Transcript) -> None:
    assert heard.alternatives and heard.warnings and heard.words
    for value in (heard, heard.words[0], heard.alternatives[0], heard.warnings[0], stonechat.Partial("a", 1)):
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(value, protocol)) == value
        assert copy.deepcopy(value) == value and hash(value) == hash(copy.copy(value))
        assert repr(value).startswith(type(value).__name__ + "(")
        name = dataclasses.fields(value)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, "other")
    assert eval(repr(heard.words[0]), vars(stonechat)) == heard.words[0]
    assert isinstance(heard, stonechat.Utterance) and str(heard) == heard.text


def test_subtitles(heard: stonechat.Transcript) -> None:
    first, last = heard.words[0], heard.words[-1]
    end = min(last.end + 0.5, heard.seconds)
    times = f"00:00:{first.start:06.3f} --> 00:00:{end:06.3f}"
    assert heard.to_srt() == f"1\n{times.replace('.', ',')}\n{heard.text}"
    assert heard.to_vtt() == f"WEBVTT\n\n{times}\n{heard.text}"
    assert stonechat.Utterance("").to_srt() == ""
    utterance = stonechat.Utterance("hello", (stonechat.Word("hello", 0.5, 0.9, 1.0),))
    assert utterance.to_srt() == "1\n00:00:00,500 --> 00:00:01,400\nhello"


@pytest.mark.parametrize(
    "settings",
    [{}, {"nbest": 2}, {"endpoint": 0.6}, {"grammar": ["turn on the light"]}, {"greedy": True}],
    ids=lambda settings: ",".join(settings),
)
def test_the_object_of_the_command(
    settings: dict[str, object], model: stonechat.Model, kitchen: Kitchen, tmp_path: os.PathLike[str]
) -> None:
    command = [os.environ["STONECHAT"], "transcribe", "--json", str(kitchen.flac)]
    for name, value in settings.items():
        if name == "grammar":
            path = os.path.join(tmp_path, "grammar")
            with open(path, "w") as file:
                file.write("\n".join(settings["grammar"]))  # type: ignore[arg-type]
            value = path
        command.append(f"--{name}" if value is True else f"--{name}={value}")
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    heard = stonechat.Recognizer(model, **settings).transcribe(kitchen.flac)  # type: ignore[arg-type]
    assert heard.to_dict() == json.loads(done.stdout)
