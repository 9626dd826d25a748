#!/usr/bin/env bash
# Trains every family at every size from the same dense net, and measures it as float and as int8.
#
#   stonechat train experiments/families/base.toml --run runs/families/base      # once
#   experiments/families/run.sh [SEED...]                                        # what is done is not done again
#   experiments/families/table.py runs/families > experiments/families/results.md
#
# Repository root; SELECT='low_rank*' runs a part; the binary is target/release/stonechat or $STONECHAT.
set -euo pipefail
stonechat=${STONECHAT:-target/release/stonechat}
runs=${RUNS:-runs/families}
dev=../shared/data/librispeech-part/dev.jsonl

# NAME, then the families as TOML; all large maps: nonrecurrent, recurrent, fully connected.
all() { printf '{ nonrecurrent = %s, recurrent = %s, fully_connected = %s }' "$1" "$1" "$1"; }
gates() { printf '{ nonrecurrent = %s, recurrent = %s, fully_connected = %s }' "{ family = \"per_gate\", gates = 3, of = $1 }" "{ family = \"per_gate\", gates = 3, of = $1 }" "$1"; }
variants() {
    echo "dense|{ recurrent = { family = \"dense\" } }"
    for r in 64 24; do echo "low_rank-$r|$(all "{ family = \"low_rank\", rank = $r }")"; done
    for r in 40 16; do echo "toeplitz_like-$r|$(all "{ family = \"toeplitz_like\", rank = $r }")"; done
    for b in 80 20; do echo "monarch-$b|$(all "{ family = \"monarch\", blocks = $b }")"; done
    for b in 4 10; do echo "block_diagonal-$b|$(gates "{ family = \"block_diagonal\", blocks = $b }")"; done
    for k in 76800 30720; do echo "hashed-$k|$(all "{ family = \"hashed\", parameters = $k }")"; done
    for b in 4 10; do echo "block_circulant-$b|$(all "{ family = \"block_circulant\", block = $b }")"; done
    for r in 40 16; do echo "per_gate_low_rank-$r|$(gates "{ family = \"low_rank\", rank = $r }")"; done
    for r in 40 16; do echo "hankel_like-$r|$(all "{ family = \"hankel_like\", rank = $r }")"; done
    for r in 40 16; do echo "vandermonde_like-$r|$(all "{ family = \"vandermonde_like\", rank = $r }")"; done
    for r in 40 16; do echo "cauchy_like-$r|$(all "{ family = \"cauchy_like\", rank = $r }")"; done
    for r in blocks pad; do echo "circulant-$r|$(all "{ family = \"circulant\", rectangle = \"$r\" }")"; done
    for r in blocks pad; do echo "skew_circulant-$r|$(all "{ family = \"skew_circulant\", rectangle = \"$r\" }")"; done
    for r in blocks pad; do echo "fastfood-$r|$(all "{ family = \"fastfood\", rectangle = \"$r\" }")"; done
    # Structured below, low rank above (the hybrid of Lu et al. 2016).
    for r in 40:64 16:24; do
        t="{ family = \"toeplitz_like\", rank = ${r%:*} }" l="{ family = \"low_rank\", rank = ${r#*:} }"
        echo "hybrid-$r|{ \"gru.0.nonrec\" = $t, \"gru.0.rec\" = $t, nonrecurrent = $l, recurrent = $l, fully_connected = $l }"
    done
}

measure() { # FOLDER
    "$stonechat" quantize --model "$1/family.stonechat" --output "$1/int8.stonechat" >/dev/null
    for form in family int8; do
        "$stonechat" eval --greedy --model "$1/$form.stonechat" --manifest "$dev" --json >"$1/$form.json.tmp"
        mv "$1/$form.json.tmp" "$1/$form.json"
    done
}

for seed in "${@:-1}"; do
    while IFS='|' read -r name families; do
        # shellcheck disable=SC2053
        [[ $name == ${SELECT:-*} ]] || continue
        run=$runs/$name-seed$seed
        [ -e "$run/int8.json" ] && continue
        resume=()
        [ -e "$run/checkpoints/last.safetensors" ] && resume=(--resume)
        "$stonechat" train experiments/families/fine_tune.toml --run "$run" "${resume[@]}" \
            --set "init=$runs/base/checkpoints/dense.safetensors" --set "seed=$seed" --set "stage.0.families=$families" </dev/null
        measure "$run"
    done < <(variants)
done
