# What the run.sh of a folder made of sweeps begins with: `source experiments/common/sweeps.sh`.
#
#   --quick       the quick sweeps of the folder: two minutes of an idle core; everything goes to runs/NAME-quick
#   --only SWEEP  this sweep alone (the name of its file without .toml)
#   --collect     train nothing: tables, pictures and verdicts of what there is
#   --jobs N      trainings at a time
#
# STONECHAT is the command, target/release/stonechat by default (cargo build --release --features full). A sweep that was
# stopped goes on where it was.
set -euo pipefail
stonechat=${STONECHAT:-target/release/stonechat}
here=${BASH_SOURCE[1]%/*}
name=${here##*/}
quick='' only='' collect_only='' jobs=1
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 ;;
    --only) only=$2 && shift ;;
    --collect) collect_only=1 ;;
    --jobs) jobs=$2 && shift ;;
    *) echo "$0: $1 is none of --quick, --only SWEEP, --collect, --jobs N" >&2 && exit 2 ;;
    esac
    shift
done
if [ -n "$only" ] && [ ! -e "$here/$only.toml" ]; then
    echo "$0: there is no $here/$only.toml" >&2
    exit 2
fi
if [ ! -d ../shared/data ]; then
    echo 'skipped: ../shared/data is not there' >&2
    exit 0
fi
runs=runs/$name${quick:+-quick}
results=$here/results
[ -z "$quick" ] || results=$runs/results
mkdir -p "$results"

wanted() { # SWEEP
    [ -z "$only" ] || [ "$only" = "$1" ]
}

collect() { # SWEEP [--epochs]: writes SWEEP.csv, with --epochs SWEEP-epochs.csv
    wanted "$1" || return 0
    [ -d "$runs/$1" ] || return 0 # never begun
    "$stonechat" sweep collect "$here/$1.toml" --run "$runs/$1" --output "$results/$1${2:+-epochs}.csv" "${@:2}"
}

sweep() { # SWEEP: trains its items and writes SWEEP.csv
    wanted "$1" || return 0
    [ -n "$collect_only" ] || "$stonechat" sweep "$here/$1.toml" --run "$runs/$1" --jobs "$jobs"
    collect "$1"
}

draw() { # SWEEP PICTURE OPTIONS...: draws SWEEP.csv; TABLE/SWEEP names another table of a sweep
    wanted "${1#*/}" || return 0
    # Columns may be missing as long as nothing was trained.
    "$stonechat" sweep plot "$results/${1%/*}.csv" --output "$results/$2.svg" --title "$2" "${@:3}" || echo "$2 was not drawn" >&2
}

verdict() {
    python3 "$here/verdict.py" "$results"
}
