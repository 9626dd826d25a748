#!/usr/bin/env bash
# Tests the kernels under Miri, which finds undefined behaviour: the portable path, packing, the packed form, threads, the functions for C.
#
#   tools/test_miri.sh [TEST...]        # default: int8 shapes packed_form arena threads capi fuzz, and the crate's own tests
#
# Needs `rustup toolchain install nightly --component miri,rust-src`. Tests take smaller tables here. Without cargo, so that no dependency
# has to be built for Miri; the first run builds the standard library for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../crates/kernels"

miri=$(rustup which --toolchain nightly miri)
sysroot=$(cd / && cargo +nightly miri setup --print-sysroot)
out="${CARGO_TARGET_DIR:-../../target}/miri-tests"
LD_LIBRARY_PATH=$(rustc +nightly --print sysroot)/lib
CARGO_MANIFEST_DIR=$PWD
CARGO_PKG_VERSION=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' ../../Cargo.toml)
export LD_LIBRARY_PATH CARGO_MANIFEST_DIR CARGO_PKG_VERSION
flags=(--sysroot "$sysroot" --edition 2024 --cfg 'feature="std"' --cfg 'feature="capi"' -C debug-assertions=on --out-dir "$out")
mkdir -p "$out"

MIRI_BE_RUSTC=target "$miri" "${flags[@]}" --crate-name stonechat_kernels --crate-type rlib src/lib.rs
run() {
    local start=$SECONDS
    printf '\nmiri: %s\n' "${!#}"
    "$miri" -Zmiri-disable-isolation "${flags[@]}" --test "$@"
    echo "miri: ${!#} passed in $((SECONDS - start)) s"
}
if [ $# -eq 0 ]; then
    run --crate-name stonechat_kernels src/lib.rs
    set -- int8 shapes packed_form arena threads capi fuzz
fi
for name in "$@"; do
    run --crate-name "$name" --extern "stonechat_kernels=$out/libstonechat_kernels.rlib" "tests/$name.rs"
done
