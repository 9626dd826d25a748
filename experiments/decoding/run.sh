#!/usr/bin/env bash
# Makes all figures of this folder's README anew: experiments/decoding/run.sh [MODEL] [LM...]
#
# MODEL is a package (default: the bundled one), LM are packed language models (`stonechat lm build`). Weights are tuned on one half
# of LibriSpeech dev (odd lines) and measured on the other. Results go to experiments/decoding/results.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

data=../shared/data
model=${1:-models/default.stonechat}
shift || true
out=experiments/decoding/results
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --release -p stonechat-cli
# Language models: those of the arguments, and the bundled one.
set -- models/default.lm "$@"
stonechat=target/release/stonechat
if [ -n "${CARGO_TARGET_DIR:-}" ]; then
    stonechat=$CARGO_TARGET_DIR/release/stonechat
fi

# The two halves, with absolute paths so that they may lie anywhere.
python3 - "$data/librispeech-part/dev.jsonl" "$work" <<'PY'
import json, pathlib, sys
manifest, work = map(pathlib.Path, sys.argv[1:])
halves = [open(work / f"{name}.jsonl", "w") for name in ("tune", "test")]
for n, line in enumerate(open(manifest)):
    entry = json.loads(line)
    entry["audio_filepath"] = str((manifest.parent / entry["audio_filepath"]).resolve())
    print(json.dumps(entry), file=halves[n % 2])
PY

eval_json() { "$stonechat" eval --model "$model" --json "$@"; }

eval_json --manifest "$work/test.jsonl" --details "$work/greedy.jsonl" >"$out/greedy.json"
eval_json --manifest "$work/test.jsonl" --beam 64 >"$out/beam.json"
for lm in "$@"; do
    name=$(basename "$lm")
    eval_json --manifest "$work/tune.jsonl" --lm "$lm" --tune --calibrate --jobs "${JOBS:-1}" >"$out/tune-$name.json" 2>/dev/null
    weights=$(python3 -c 'import json,sys; r=json.load(open(sys.argv[1])); print("--alpha", r["alpha"], "--beta=%s" % r["beta"])' "$out/tune-$name.json")
    # shellcheck disable=SC2086
    eval_json --manifest "$work/test.jsonl" --lm "$lm" $weights --details "$work/$name.jsonl" >"$out/test-$name.json"
done

# Hotwords: rare words of the test, with the last language model if there is one.
arguments=(--beam 128)
before=$work/beam.jsonl
if [ $# -gt 0 ]; then
    # shellcheck disable=SC2206
    arguments=(--beam 128 --lm "${@: -1}" $weights)
fi
eval_json --manifest "$work/test.jsonl" "${arguments[@]}" --details "$before" >/dev/null
xz -dc "$data/text/books-16m.txt.xz" | python3 experiments/decoding/rare_words.py "$work/test.jsonl" >"$work/rare.txt"
eval_json --manifest "$work/test.jsonl" "${arguments[@]}" --hotwords "$work/rare.txt" --details "$work/hot.jsonl" >/dev/null
python3 experiments/decoding/hotword_errors.py "$work/rare.txt" "$before" "$work/hot.jsonl" >"$out/hotwords.json"

# Keywords: recordings of them, and speech in which nobody says them.
python3 - "$work/keywords.jsonl" "$data/keywords/test.jsonl" "$data/librispeech-part/dev.jsonl" <<'PY'
import json, pathlib, sys
with open(sys.argv[1], "w") as out:
    for manifest in map(pathlib.Path, sys.argv[2:]):
        for line in open(manifest):
            entry = json.loads(line)
            entry["audio_filepath"] = str((manifest.parent / entry["audio_filepath"]).resolve())
            print(json.dumps(entry), file=out)
PY
"$stonechat" spot --model "$model" --manifest "$work/keywords.jsonl" --keyword alexa --keyword athena --keyword amelia --keyword computer \
    --keyword "hey computer" --keyword "hey chatterbox" --json >"$out/keywords.json"
python3 experiments/decoding/table.py "$out"
