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

# One line a variant: NAME, then what it sets in the recipe's stage. `all` is every large map: nonrecurrent, recurrent,
# fully connected; `gates` the same with a map of its own for every gate.
all() { printf 'families={ nonrecurrent = %s, recurrent = %s, fully_connected = %s }' "$1" "$1" "$1"; }
gates() {
    local stack="{ family = \"per_gate\", gates = 3, of = $1 }"
    printf 'families={ nonrecurrent = %s, recurrent = %s, fully_connected = %s }' "$stack" "$stack" "$1"
}
variants() {
    local n t l
    echo 'dense|average=0.99'
    for n in 64 24; do echo "low_rank-$n|$(all "{ family = \"low_rank\", rank = $n }")"; done
    for n in 128 48; do
        # One right factor for a layer's recurrence and the next layer's input, as cut from the net; the rest low rank.
        l="{ family = \"low_rank\", rank = $((n / 2)) }"
        echo "shared_projection-$n|shared_projection={ rank = { list = { \"gru.0.proj\" = $n, \"gru.1.proj\" = $n } } }|families={ \"gru.0.nonrec\" = $l, fully_connected = $l }"
    done
    for n in 40 16; do echo "per_gate_low_rank-$n|$(gates "{ family = \"low_rank\", rank = $n }")"; done
    for n in 40:64 16:24; do
        # Structured below, low rank above.
        t="{ family = \"toeplitz_like\", rank = ${n%:*} }" l="{ family = \"low_rank\", rank = ${n#*:} }"
        echo "hybrid-${n%:*}|families={ \"gru.0.nonrec\" = $t, \"gru.0.rec\" = $t, nonrecurrent = $l, recurrent = $l, fully_connected = $l }"
    done
    for n in 40 16; do
        for t in toeplitz_like hankel_like vandermonde_like cauchy_like; do
            echo "$t-$n|$(all "{ family = \"$t\", rank = $n }")"
        done
    done
    for n in 80 20; do echo "monarch-$n|$(all "{ family = \"monarch\", blocks = $n }")"; done
    for n in 4 10; do echo "block_diagonal-$n|$(gates "{ family = \"block_diagonal\", blocks = $n }")"; done
    for n in 4 10; do echo "block_circulant-$n|$(all "{ family = \"block_circulant\", block = $n }")"; done
    for n in 76800 30720; do echo "hashed-$n|$(all "{ family = \"hashed\", parameters = $n }")"; done
    for n in 75 90; do
        # Masked: Narang's schedule takes this share of the weights away in the first half of the epoch.
        echo "sparse-$n|prune={ quantile = 0.$n, start_epoch = 0.0, ramp_epoch = 0.25, end_epoch = 0.5, every = 10 }"
    done
    # Ways of training, on forms from above: after a teacher, and for 4 bits.
    for n in 64 24; do
        l="$(all "{ family = \"low_rank\", rank = $n }")"
        echo "low_rank_distilled-$n|$l|teacher={ package = \"$runs/base/dense.stonechat\" }"
        echo "low_rank_for_4_bits-$n|$l|quantize={ weights = 4 }"
    done
    for n in blocks pad; do
        for t in circulant skew_circulant fastfood; do
            echo "$t-$n|$(all "{ family = \"$t\", rectangle = \"$n\" }")"
        done
    done
}

evaluate() { # FOLDER FORM
    "$stonechat" eval --greedy --model "$1/$2.stonechat" --manifest "$dev" --json >"$1/$2.json.tmp"
    mv "$1/$2.json.tmp" "$1/$2.json"
}

measure() { # FOLDER
    evaluate "$1" family
    # What was trained for integers has them already.
    case $1 in *_bits-*) return ;; esac
    case $1 in
    */dense-* | */low_rank* | */shared_projection-*)
        "$stonechat" quantize --bits 4 --calibrate ../shared/data/librispeech-part/train.jsonl \
            --model "$1/family.stonechat" --output "$1/int4.stonechat" >/dev/null
        evaluate "$1" int4
        ;;
    esac
    "$stonechat" quantize --model "$1/family.stonechat" --output "$1/int8.stonechat" >/dev/null
    evaluate "$1" int8
}

for seed in "${@:-1}"; do
    while IFS='|' read -r -a variant; do
        name=${variant[0]}
        # shellcheck disable=SC2053 # SELECT is a pattern
        [[ $name == ${SELECT:-*} ]] || continue
        run=$runs/$name-seed$seed
        [ -e "$run/int8.json" ] || [[ $name == *_bits-* && -e $run/family.json ]] && continue
        arguments=()
        for change in "${variant[@]:1}"; do arguments+=(--set "stage.0.$change"); done
        [[ ${variant[*]} == *families=* ]] && arguments+=(--set stage.0.calibrate_seconds=120)
        [ -e "$run/checkpoints/last.safetensors" ] && arguments+=(--resume)
        "$stonechat" train experiments/families/fine_tune.toml --run "$run" "${arguments[@]}" \
            --set "init=$runs/base/checkpoints/dense.safetensors" --set "seed=$seed" </dev/null
        measure "$run"
    done < <(variants)
done
