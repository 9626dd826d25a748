#!/usr/bin/env bash
# The claims of Lu et al. 2016 (L1 to L4) with five LSTM layers at three sizes.
# Usage (repository root): experiments/lu/run.sh [--quick] [--only SWEEP] [--collect] [--jobs N]
source "${BASH_SOURCE[0]%/*}/../common/sweeps.sh"
if [ -n "$quick" ]; then
    sweep quick
    draw quick sizes --kind front --x net.parameters --y net.dev_loss
else
    sweep sizes
    draw sizes sizes --kind front --x net.parameters --y net.cer
fi
verdict
