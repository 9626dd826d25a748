#!/usr/bin/env bash
# What the papers do not have, against what they have: bytes of the package against CER. Begins at the nets of
# experiments/kliegl/run.sh --only stage1, which must have been trained.
# Usage (repository root): experiments/beyond/run.sh [--quick] [--only SWEEP] [--collect] [--jobs N]
source "${BASH_SOURCE[0]%/*}/../common/sweeps.sh"
forms=forms${quick:+_quick}
needs=runs/kliegl/stage1 by='--only stage1'
[ -z "$quick" ] || needs=runs/kliegl-quick/quick by=--quick
if wanted $forms; then
    if [ ! -d "$needs" ]; then
        echo "$0: $needs is not there: experiments/kliegl/run.sh $by trains it" >&2
        exit 1
    fi
    sweep $forms
    data=../shared/data/librispeech-part
    python3 "$here/bytes.py" "$stonechat" "$results/$forms.csv" "$runs/$forms" $data/train.jsonl $data/dev.jsonl "$results/bytes.csv"
fi
draw bytes/$forms bytes --kind front --x bytes --y cer --by form
if [ -z "$quick" ]; then
    sweep early
    sweep displacement
fi
verdict
