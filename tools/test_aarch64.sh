#!/usr/bin/env bash
# Tests the kernels on AArch64 under qemu-user: the crate itself and its tests that need no other crate.
#
#   tools/test_aarch64.sh [TEST...]        # default: int8 int4 blocks low_rank recurrent float32 math allocation packed_form arena
#
# All of them run on a processor with dot products and i8mm; int8 also on one with dot products only and on one with neither. Each run
# must find exactly the paths that it is for, and the list of them is printed at the end.
#
# Needs a rustc with the standard library of aarch64-unknown-linux-gnu, aarch64-linux-gnu-gcc, the target's libc for
# static linking and qemu-aarch64-static. On Debian:
#
#   dpkg --add-architecture arm64 && apt-get update
#   apt-get install rustc-web libstd-rust-web-dev:arm64 gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
#
# (`rustup target add aarch64-unknown-linux-gnu` does instead of the first two.) The programs are linked statically:
# under qemu 7.2 a dynamically linked one hangs when it starts a thread. They are optimised, with all checks on:
# unoptimised, the larger products take minutes under an emulator.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=aarch64-unknown-linux-gnu
crate=crates/kernels
out="${CARGO_TARGET_DIR:-target}/aarch64-tests"

# The first compiler that has the target's standard library.
find_rustc() {
    local candidate folder
    for candidate in rustc /usr/bin/rustc; do
        folder=$("$candidate" --print target-libdir --target "$target" 2>/dev/null) || continue
        if compgen -G "$folder/libstd-*.rlib" >/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no rustc with the standard library of $target: see the head of $0" >&2
    return 1
}

for program in aarch64-linux-gnu-gcc qemu-aarch64-static; do
    if ! command -v "$program" >/dev/null; then
        echo "error: $program is missing: see the head of $0" >&2
        exit 1
    fi
done
rustc=$(find_rustc)
flags=(--edition 2024 --target "$target" --cfg 'feature="std"' -O -C debug-assertions=on
    -C linker=aarch64-linux-gnu-gcc -C target-feature=+crt-static --out-dir "$out")
mkdir -p "$out"

echo "$("$rustc" --version), $target, static"
"$rustc" "${flags[@]}" --crate-name stonechat_kernels --crate-type rlib "$crate/src/lib.rs"
if [ $# -eq 0 ]; then
    set -- int8 int4 blocks low_rank recurrent float32 math allocation packed_form arena
fi
for name in "$@"; do
    "$rustc" "${flags[@]}" --crate-name "$name" --test "$crate/tests/$name.rs" \
        --extern "stonechat_kernels=$out/libstonechat_kernels.rlib"
done
ran=()
# Runs the test $1 on qemu's processor $2, which must have the paths $3.
run() {
    local start=$SECONDS
    echo
    echo "aarch64, $2: $crate/tests/$1.rs"
    STONECHAT_PATHS="$3" qemu-aarch64-static -cpu "$2" "$out/$1"
    echo "aarch64, $2: $1 passed in $((SECONDS - start)) s"
    ran+=("aarch64, qemu's $2, $1: $3")
}

for name in "$@"; do
    run "$name" max 'portable neon dotprod i8mm'
    if [ "$name" = int8 ]; then
        run "$name" neoverse-n1 'portable neon dotprod'
        run "$name" cortex-a53 'portable neon'
    fi
done
echo
printf 'paths: %s\n' "${ran[@]}"
