#!/usr/bin/env bash
# Trains the variants of recipe.toml one after the other; table.py prints the table from their metrics.
# Usage (repository root): experiments/trace_norm/run.sh [SEED...]
set -euo pipefail
stonechat=${STONECHAT:-target/release/stonechat}
recipe=experiments/trace_norm/recipe.toml
factored=(--set stage.0.parametrisation=factored --set stage.0.regulariser=trace_norm)
dense=(--set stage.0.regulariser=l2)

variant() { # NAME SEED ARGUMENTS...
    local run=runs/trace_norm/$1-seed$2
    "$stonechat" train "$recipe" --run "$run" $([ -e "$run/checkpoints/last.safetensors" ] && echo --resume) \
        --set "seed=$2" "${@:3}"
}

for seed in "${@:-1}"; do
    variant none "$seed"
    for lambda in 0.02 0.1; do
        variant "l2-$lambda" "$seed" "${dense[@]}" --set stage.0.lambda_rec=$lambda --set stage.0.lambda_nonrec=$lambda
        variant "trace-$lambda" "$seed" "${factored[@]}" --set stage.0.lambda_rec=$lambda --set stage.0.lambda_nonrec=$lambda
    done
done
