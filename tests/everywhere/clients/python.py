"""Python: the recording at once, and the same samples as a stream in pieces."""

import sys
from pathlib import Path

import stonechat


def rows():
    for line in sys.stdin:
        name, _, rate, settings, _ = line.rstrip("\n").split("\t")
        given = {}
        for option, _, value in (pair.partition("=") for pair in settings.split(";") if pair):
            given.setdefault(option.replace("-", "_"), []).append(value)
        # One that may be repeated is a list.
        yield name, int(rate), {k + "s" if len(v) > 1 else k: v if len(v) > 1 else v[0] for k, v in given.items()}


def joined(said):
    return " ".join(str(each) for each in said if str(each))


model = stonechat.Model(sys.argv[1])
for name, rate, settings in rows():
    pcm = Path(sys.argv[2], f"{name}.pcm").read_bytes()
    recognizer = stonechat.Recognizer(model, **settings)
    whole = recognizer.transcribe(pcm, rate).text
    with recognizer.stream(rate) as stream:
        for start in range(0, len(pcm), 1001):
            stream.push(pcm[start : start + 1001])
    text = joined([*stream.take_utterances(), stream.finish()])
    if text != whole:
        sys.exit(f"{name}: at once {whole!r}, as a stream {text!r}")
    print(f"{name}\t{text}")
