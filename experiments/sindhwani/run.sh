#!/usr/bin/env bash
# Keyword spotting with structured maps after Sindhwani et al. 2015: every family at matched sizes.
# Usage (repository root): experiments/sindhwani/run.sh [--quick] [--only SWEEP] [--collect] [--jobs N]
source "${BASH_SOURCE[0]%/*}/../common/sweeps.sh"
families=families${quick:+_quick}
if wanted $families; then
    [ -n "$collect_only" ] || python3 "$here/sets.py" "$runs/sets" ${quick:+--quick}
    sweep $families
    python3 "$here/spot.py" "$stonechat" "$results/$families.csv" "$runs/$families" "$runs/sets/test.jsonl"
fi
draw $families keywords-layer --kind front --x layer --y missed --log-x
draw $families keywords-net --kind front --x net.parameters --y missed --log-x
if [ -z "$quick" ]; then
    sweep families_digits
    draw families_digits digits --kind front --x net.parameters.rnn.0.nonrec --y net.wer --log-x
fi
verdict
