#!/usr/bin/env bash
# Makes all figures of this folder's README anew: experiments/grammar/run.sh [MODEL] [HELD]
#
# MODEL is a package (default: the bundled one), HELD a manifest of commands by voices that nobody trained on (left out where there
# is none). Grammars are made of the manifests' own sentences (make_set.py). Results go to experiments/grammar/results.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

data=../shared/data
model=${1:-models/default.stonechat}
held=${2:-}
out=experiments/grammar/results
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --release -p stonechat-cli --features full
stonechat=${CARGO_TARGET_DIR:-target}/release/stonechat

evaluate() { # NAME MANIFEST GRAMMAR ARGUMENTS...
    name=$1 manifest=$2 grammar=$3
    shift 3
    "$stonechat" eval --model "$model" --manifest "$manifest" --grammar "$grammar" --json "$@" 2>/dev/null >"$out/$name.json"
}

# Thirty sentences as the grammar, sixty others to be rejected: synthetic speech (three draws), acted speech.
sets=()
for seed in 1 2 3; do
    python3 experiments/grammar/make_set.py "$data/spoken/train.jsonl" "$work/spoken-$seed" "$seed"
    sets+=("spoken-$seed")
done
python3 experiments/grammar/make_set.py "$data/games/dev.jsonl" "$work/games-1" 1
sets+=("games-1")
if [ -n "$held" ]; then
    python3 experiments/grammar/make_set.py "$held" "$work/held-1" 1
    sets+=("held-1")
fi
for set in "${sets[@]}"; do
    for garbage in 0.5 1 1.5 2 2.5 3 5; do
        evaluate "$set-$garbage" "$work/$set/manifest.jsonl" "$work/$set/phrases.txt" --garbage "$garbage"
    done
    evaluate "$set-nearest" "$work/$set/manifest.jsonl" "$work/$set/phrases.txt" --nearest --calibrate
done

# Ten digits.
printf '%s\n' zero one two three four five six seven eight nine >"$work/digits.txt"
for garbage in 1 2 3 5; do
    evaluate "digits-$garbage" "$data/digits/test.jsonl" "$work/digits.txt" --garbage "$garbage"
done
evaluate digits-nearest "$data/digits/test.jsonl" "$work/digits.txt" --nearest

# Keywords: the threshold is chosen on the first set, and holds or does not on the second.
for split in train test; do
    python3 - "$work/keywords-$split.jsonl" "$data/keywords/$split.jsonl" "$data/librispeech-part/dev.jsonl" <<'PY'
import json, pathlib, sys
with open(sys.argv[1], "w") as out:
    for manifest in map(pathlib.Path, sys.argv[2:]):
        for line in open(manifest):
            entry = json.loads(line)
            entry["audio_filepath"] = str((manifest.parent / entry["audio_filepath"]).resolve())
            print(json.dumps(entry), file=out)
PY
    "$stonechat" spot --model "$model" --manifest "$work/keywords-$split.jsonl" --keyword alexa --keyword athena --keyword amelia \
        --keyword computer --keyword "hey computer" --keyword "hey chatterbox" --json 2>/dev/null >"$out/keywords-$split.json"
done
python3 experiments/grammar/table.py "$out"
