#!/usr/bin/env bash
# Trains the variants of recipe.toml one after the other; table.py prints the table from them.
# Usage (repository root): experiments/grams/run.sh [SEED...]
set -euo pipefail
stonechat=${STONECHAT:-target/release/stonechat}
recipe=experiments/grams/recipe.toml
# K14 of Kliegl et al. 2017: the second convolution strides in time, with twice the filters.
stride4=(--set 'network.conv.1.stride=[2,2]' --set network.conv.1.channels=32 --set network.row_conv.lookahead=6)
grams=(--set 'grams={ longest = 2, max = 100 }')

variant() { # NAME SEED ARGUMENTS...
    local run=${RUNS:-runs/grams}/$1-seed$2
    "$stonechat" train "$recipe" --run "$run" $([ -e "$run/checkpoints/last.safetensors" ] && echo --resume) \
        --set "seed=$2" "${@:3}"
}

for seed in "${@:-1}"; do
    variant ctc-20ms "$seed"
    variant ctc-40ms "$seed" "${stride4[@]}"
    variant grams-40ms "$seed" "${stride4[@]}" "${grams[@]}"
    variant grams-joint-40ms "$seed" "${stride4[@]}" "${grams[@]}" --set stage.0.joint_ctc=0.3
done
