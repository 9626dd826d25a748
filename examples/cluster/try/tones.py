"""A folder to try an engine with: tones for letters, a recipe that learns them in seconds, a sweep of four items.

    python examples/cluster/try/tones.py tones
"""

import json
import math
import pathlib
import random
import struct
import sys
import wave

RATE_HZ = 16000

RECIPE = """\
alphabet = ["", "a", "b", "c", "d"]
checkpoint_minutes = 0.0
data.train = [{ manifest = "m.jsonl" }]
data.dev = [{ manifest = "m.jsonl" }]
features.mels = 20
batches.max_utterances = 5
network = { input = 20, gru = [16], fc = 16, conv = [{ channels = 4, kernel = [5, 5], stride = [2, 2], lookahead = 2 }] }

[[stage]]
name = "full"
epochs = 60
rate = 0.01
"""

SWEEP = """\
recipe = "r.toml"
seeds = [1, 2]

[grid]
"stage.0.rate" = [0.003, 0.01]
"""


def samples(text, noise):
    for letter in text:
        pitch = 400 * (ord(letter) - ord("a") + 1)
        for n in range(2400):
            loudness = 0.3 if n < 1600 else 0.0
            yield loudness * math.sin(math.tau * pitch * n / RATE_HZ) + 0.003 * noise.uniform(-1, 1)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    noise = random.Random(1)
    lines = []
    for i in range(24):
        text = "".join(chr(ord("a") + (i * 7 + j * 3) % 4) for j in range(2 + i % 3))
        pcm = [round(32767 * sample) for sample in samples(text, noise)]
        with wave.open(str(folder / f"{i}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(struct.pack(f"<{len(pcm)}h", *pcm))
        lines.append(json.dumps({"audio_filepath": f"{i}.wav", "duration": len(pcm) / RATE_HZ, "text": text}))
    (folder / "m.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "r.toml").write_text(RECIPE)
    (folder / "sweep.toml").write_text(SWEEP)


if __name__ == "__main__":
    main()
