"""Streaming speech recognition with small networks, on one core, with nothing to download.

>>> import stonechat
>>> print(stonechat.Recognizer().transcribe("talk.flac"))  # doctest: +SKIP
turn on the light in the kitchen
"""

from stonechat._native import Model, version
from stonechat.recognizer import Audio, Event, Recognizer, Samples, Stream
from stonechat.results import Alternative, AudioWarning, Partial, Spotted, Transcript, Utterance, Word
from stonechat.workshop import compress, inspect, lm_build, quantize

__version__ = version()

__all__ = [
    "Alternative",
    "Audio",
    "AudioWarning",
    "Event",
    "Model",
    "Partial",
    "Recognizer",
    "Samples",
    "Spotted",
    "Stream",
    "Transcript",
    "Utterance",
    "Word",
    "compress",
    "inspect",
    "lm_build",
    "quantize",
]
