#!/usr/bin/env bash
# The claims of Kliegl et al. 2017: trains, collects, draws, says what holds.
# Usage (repository root): experiments/kliegl/run.sh [--quick] [--only SWEEP] [--collect] [--jobs N]
source "${BASH_SOURCE[0]%/*}/../common/sweeps.sh"
stage=net
if [ -n "$quick" ]; then
    sweep quick
    draw quick nu --x stage.0.lambda_rec --y $stage.nu.gru.2.rec --by arm
    sweep quick_stage2
    verdict
    exit
fi

# Figures 1, 2 and 3.
sweep stage1
for arm in trace l2; do
    draw stage1 "figure1-$arm" --kind heat-map --where arm=$arm --x stage.0.lambda_rec --y stage.0.lambda_nonrec --value $stage.cer
done
draw stage1 figure2-rec --where stage.0.lambda_nonrec=0 --x stage.0.lambda_rec --y $stage.nu.gru.2.rec --by arm --log-x
draw stage1 figure2-nonrec --where stage.0.lambda_rec=0 --x stage.0.lambda_nonrec --y $stage.nu.gru.2.nonrec --by arm --log-x
for kind in rec nonrec; do
    draw stage1 figure3-$kind --kind points --x $stage.cer --y $stage.rank90.gru.2.$kind --by arm
done

# Figure 4.
sweep stage2
draw stage2 figure4 --kind front --x $stage.parameters --y $stage.cer --by arm

# Figure 5.
sweep transition
collect transition --epochs
draw transition figure5-left --x full.epochs --y low_rank.cer --by arm
draw transition-epochs/transition figure5-right --where stage.0.epochs=4 --x epoch --y cer --by arm

# Table 3, figure 8, appendix B.3.
sweep gates
draw gates table3 --kind front --x $stage.parameters --y $stage.cer
sweep shapes
draw shapes figure8 --kind front --x low_rank.nonzero --y low_rank.cer
sweep features
verdict
