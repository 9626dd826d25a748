#!/bin/sh
# Bytes and error rates of one float package with its weights in several storages.
#
#   experiments/quantization/run.sh FLOAT.stonechat CALIBRATION.jsonl TEST.jsonl RUN_FOLDER
set -eu
model=$1 calibration=$2 test=$3 run=$4
stonechat=${STONECHAT:-target/release/stonechat}
mkdir -p "$run"
cp "$model" "$run/float.stonechat"
make() { # NAME OPTIONS...
    name=$1
    shift
    "$stonechat" quantize "$@" --model "$model" --output "$run/$name.stonechat" > /dev/null
}
make int8
make int4 --bits 4
make int4-feedback --bits 4 --calibrate "$calibration"
make int4-correction --bits 4 --correction 16
make int4-feedback-correction --bits 4 --correction 16 --calibrate "$calibration"
for name in float int8 int4 int4-feedback int4-correction int4-feedback-correction; do
    "$stonechat" eval --model "$run/$name.stonechat" --manifest "$test" --json > "$run/$name.json"
done
python3 - "$run" <<'PYTHON'
import json, pathlib, sys
print("| weights | package bytes | CER % | WER % |\n|---|---|---|---|")
for name in ["float", "int8", "int4", "int4-feedback", "int4-correction", "int4-feedback-correction"]:
    result = json.loads((pathlib.Path(sys.argv[1]) / f"{name}.json").read_text())
    print(f"| {name} | {result['model_bytes']:,} | {100 * result['cer']:.2f} | {100 * result['wer']:.2f} |")
PYTHON
