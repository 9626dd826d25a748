#!/usr/bin/env bash
# The compiler for tools/fuzz.sh, as RUSTC_WRAPPER has it: instruments the project's crates and symphonia's containers for libFuzzer, with
# the stable compiler; all else is built as usual, and need not be built anew.
set -eu
name=''
previous=''
for argument; do
    [ "$previous" = --crate-name ] && name=$argument
    previous=$argument
done
case $name in
    stonechat_testing | stonechat_fuzz | build_script_*) exec "$@" ;;
    stonechat | stonechat_* | symphonia_format_* | symphonia_core)
        export RUSTC_BOOTSTRAP=1
        exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
            -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
        ;;
    *) exec "$@" ;;
esac
