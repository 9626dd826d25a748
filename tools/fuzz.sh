#!/usr/bin/env bash
# Runs fuzz targets under libFuzzer, one after the other: tools/fuzz.sh SECONDS [TARGET...]
#
# Needs a C++ compiler, and no nightly one for Rust (crates/fuzz/libfuzzer/rustc.sh). Inputs that were found go to
# target/fuzz/TARGET, those that fail to target/fuzz/TARGET-*; what is printed at the end is a line a target: runs, coverage, rate.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:?usage: tools/fuzz.sh SECONDS [TARGET...]}
shift
here=crates/fuzz/libfuzzer
export RUSTC_WRAPPER=$PWD/$here/rustc.sh CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
# The versions of the workspace, so that what it has built serves here, too.
cp Cargo.lock "$here/Cargo.lock"
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' "$here/Cargo.toml")

cargo build --release --manifest-path "$here/Cargo.toml"
mkdir -p target/fuzz
status=0
for target; do
    found=target/fuzz/$target
    mkdir -p "$found"
    corpora=("$found" "crates/fuzz/corpus/$target")
    case $target in
        file) corpora+=(crates/audio/tests/fixtures) ;;
        recipe) corpora+=(recipes) ;;
    esac
    log=target/fuzz/$target.log
    if "$CARGO_TARGET_DIR/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
        -print_final_stats=1 -verbosity=1 -artifact_prefix="target/fuzz/$target-" "${corpora[@]}" >"$log" 2>&1; then
        ended=''
    else
        ended=' FAILED'
        status=1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 || true)
    printf '%-12s %12s runs  %s%s\n' "$target" "${runs:-?}" "$coverage" "$ended"
done
exit $status
