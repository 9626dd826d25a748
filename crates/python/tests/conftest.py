"""What the tests hear: the project's samples, as files and as numbers (`tools/test_python.sh` makes these)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import stonechat

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
SAID = {
    "kitchen": "turn on the light in the kitchen",
    "train": "they waited for the train in the little station",
    "winter": "it was a cold day in the middle of winter",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--audio", required=True, help="folder with kitchen.RATE.pcm, samples of 16 bits")


class Kitchen:
    """One recording as everything that it may be given as."""

    said = SAID["kitchen"]
    flac = SAMPLES / "kitchen.flac"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pcm(self, rate: int = 16000) -> bytes:
        return (self._folder / f"kitchen.{rate}.pcm").read_bytes()

    def int16(self, rate: int = 16000) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        return np.frombuffer(self.pcm(rate), dtype="<i2").astype(np.int16)

    def float32(self, rate: int = 16000) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return self.int16(rate).astype(np.float32) / np.float32(32768)


@pytest.fixture(scope="session")
def kitchen(request: pytest.FixtureRequest) -> Kitchen:
    return Kitchen(Path(request.config.getoption("--audio")))


@pytest.fixture(scope="session")
def model() -> stonechat.Model:
    return stonechat.Model()


@pytest.fixture(scope="session")
def recognizer(model: stonechat.Model) -> stonechat.Recognizer:
    return stonechat.Recognizer(model)
