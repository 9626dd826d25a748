#!/usr/bin/env bash
# Slurm on this machine alone, an array of four through it, and one task requeued in the middle: slurm.sh FOLDER [STONECHAT]
# As root, with Debian's slurm-wlm and munge and python3. Ends what it started.
set -euo pipefail
examples=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mkdir -p "$1" && cd "$1" && pwd)
stonechat=$(realpath "$(command -v "${2:-stonechat}")")
host=$(hostname -s)
started=()
trap '[ ${#started[@]} -eq 0 ] || kill "${started[@]}"' EXIT

mkdir -p "$folder"/{state,spool,bin} /run/munge
ln -sf "$stonechat" "$folder/bin/stonechat"
export PATH=$folder/bin:$PATH SLURM_CONF=$folder/slurm.conf
cat > "$SLURM_CONF" <<END
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=60 State=UP
END
if ! munge -n >/dev/null 2>&1; then
    chown munge: /run/munge
    runuser -u munge -- munged --foreground 2>/dev/null &
    started+=($!)
fi
slurmctld -D 2>/dev/null &
started+=($!)
slurmd -D 2>/dev/null &
started+=($!)
until sinfo -h -o %T 2>/dev/null | grep -q -e idle -e mixed; do sleep 1; done
sinfo

python3 "$examples/try/tones.py" "$folder/tones"
cd "$folder/tones"
# Each task takes as much as it says: two of them run at once.
job=$(sbatch --parsable --array=0-3 --time=30 --export=ALL "$examples/array.sbatch" sweep.toml runs)
# Requeued as soon as it has learned something.
until [ "$(cat runs/*/metrics.jsonl 2>/dev/null | wc -l)" -ge 8 ]; do sleep 0.1; done
squeue
scontrol requeue "${job}_0"
echo "requeued ${job}_0 when its runs had $(cat runs/*/metrics.jsonl | wc -l) lines of metrics"
until [ -z "$(squeue -h)" ]; do sleep 1; done
for task in 0 1 2 3; do
    scontrol show job "${job}_$task" | grep -E -o 'ArrayTaskId=[0-9]+|JobState=[A-Z]+|Restarts=[0-9]+|ExitCode=[0-9:]+' | tr '\n' ' '
    echo
done
stonechat sweep collect sweep.toml --run runs --output table.csv
cut -d , -f 1-6 table.csv
# The item that was stopped, trained in one go, ends with the same weights.
stonechat sweep sweep.toml --run whole --index 0 >/dev/null 2>&1
for package in whole/*/*.stonechat; do cmp "$package" "runs/${package#whole/}" && echo "${package#whole/}: the same weights"; done
