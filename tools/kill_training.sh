#!/bin/bash
# Kills a training at random moments (SIGKILL) and looks whether it ends with the same weights: kill_training.sh BINARY [COUNT].
# The training is one of tones, made here; each life of it ends after 0.05 to 1.5 s, so that reading, steps, checkpoints and the
# ends of stages are all hit. Prints one line; exits 0 if all packages are equal to those of a run that was left alone.
set -u
binary=$(realpath "${1:?usage: kill_training.sh BINARY [COUNT]}") count=${2:-200}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder" || exit 2
python3 - <<'PY'
import json, math, random, struct
R = random.Random(1)
lines = []
for i in range(24):
    text = ''.join(chr(97 + (i * 7 + j * 3) % 4) for j in range(2 + i % 3))
    s = [(0.3 if n < 1600 else 0) * math.sin(2 * math.pi * 400 * (ord(c) - 96) * n / 16000) + 0.003 * R.uniform(-1, 1)
         for c in text for n in range(2400)]
    d = struct.pack('<%dh' % len(s), *[int(x * 32767) for x in s])
    header = struct.pack('<IHHIIHH', 16, 1, 1, 16000, 32000, 2, 16)
    open('%d.wav' % i, 'wb').write(b'RIFF' + struct.pack('<I', 36 + len(d)) + b'WAVEfmt ' + header + b'data' + struct.pack('<I', len(d)) + d)
    lines.append(json.dumps(dict(audio_filepath='%d.wav' % i, duration=len(s) / 16000, text=text)))
open('m.jsonl', 'w').write('\n'.join(lines) + '\n')
open('r.toml', 'w').write('''alphabet = ["", "a", "b", "c", "d"]
checkpoint_minutes = 0.0
data.train = [{ manifest = "m.jsonl" }]
data.dev = [{ manifest = "m.jsonl" }]
features.mels = 20
batches.max_utterances = 2
network = { input = 20, gru = [16], fc = 16, conv = [{ channels = 4, kernel = [5, 5], stride = [2, 2], lookahead = 2 }] }
[[stage]]
name = "full"
epochs = 30
parametrisation = "factored"
regulariser = "trace_norm"
lambda_rec = 1e-4
lambda_nonrec = 1e-4
rate = 0.01
[[stage]]
name = "low-rank"
epochs = 10
warm_start = { variance = 0.9 }
rate = { times_final = 1.0 }
''')
PY
"$binary" train r.toml --run whole > /dev/null 2> whole.log || { tail -3 whole.log; exit 2; }
killed=0 runs=0
while [ $killed -lt "$count" ]; do
    runs=$((runs + 1)); run=run-$runs
    "$binary" train r.toml --run $run > log 2>&1 &
    while :; do
        process=$!
        sleep "$(python3 -c 'import random; print(random.uniform(0.05, 1.5))')"
        kill -9 $process 2> /dev/null && killed=$((killed + 1))
        wait $process 2> /dev/null; status=$?
        [ $status = 0 ] && break
        [ $status = 137 ] || { echo "run $runs ended with status $status: $(tail -1 log)"; exit 1; }
        resume=--resume; [ -e $run/recipe.toml ] || resume=
        # The last life of a run is left alone once enough were killed.
        [ $killed -ge "$count" ] && { "$binary" train r.toml --run $run $resume > log 2>&1 || { tail -1 log; exit 1; }; break; }
        "$binary" train r.toml --run $run $resume > log 2>&1 &
    done
    for package in full low-rank; do
        cmp -s whole/$package.stonechat $run/$package.stonechat || { echo "run $runs: $package.stonechat differs"; exit 1; }
    done
    rm -rf "$run"
done
echo "$killed kills in $runs runs: all packages are equal"
