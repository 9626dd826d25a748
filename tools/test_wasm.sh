#!/usr/bin/env bash
# Tests the kernels as WebAssembly under node: with vectors of 128 bits, then without. The crate itself and its tests that need no other
# crate.
#
#   tools/test_wasm.sh [TEST...]        # default: int8 int4 blocks low_rank recurrent float32 allocation
#
# Needs a rustc with the standard library of wasm32-wasip1 (`rustup target add wasm32-wasip1`) and node 20 or newer, whose WASI gives the
# programs their standard output. A panic ends such a program, so the first failing test is the last.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=wasm32-wasip1
crate=crates/kernels
out="${CARGO_TARGET_DIR:-target}/wasm-tests"

folder=$(rustc --print target-libdir --target "$target")
if ! compgen -G "$folder/libstd-*.rlib" >/dev/null; then
    echo "error: $(rustc --version) lacks the standard library of $target: see the head of $0" >&2
    exit 1
fi
if ! command -v node >/dev/null; then
    echo "error: node is missing: see the head of $0" >&2
    exit 1
fi
mkdir -p "$out"
cat >"$out/run.mjs" <<'EOF'
// Runs a WASI program given as the first argument, with the others as its own.
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';
const env = { STONECHAT_PATHS: process.env.STONECHAT_PATHS };
const wasi = new WASI({ version: 'preview1', args: process.argv.slice(2), env, returnOnExit: true });
const module = await WebAssembly.compile(await readFile(process.argv[2]));
process.exit(wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject())));
EOF

if [ $# -eq 0 ]; then
    set -- int8 int4 blocks low_rank recurrent float32 allocation
fi
echo "$(rustc --version), $target, node $(node --version)"
ran=()
for features in +simd128 -simd128; do
    export STONECHAT_PATHS=portable
    [ "$features" = -simd128 ] || STONECHAT_PATHS+=' simd128'
    flags=(--edition 2024 --target "$target" -O -C debug-assertions=on
        -C "target-feature=$features" --out-dir "$out")
    rustc "${flags[@]}" --crate-name stonechat_kernels --crate-type rlib --cfg 'feature="std"' "$crate/src/lib.rs"
    for name in "$@"; do
        rustc "${flags[@]}" --crate-name "$name" --test "$crate/tests/$name.rs" \
            --extern "stonechat_kernels=$out/libstonechat_kernels.rlib"
        start=$SECONDS
        echo
        echo "wasm $features: $crate/tests/$name.rs"
        node --no-warnings "$out/run.mjs" "$out/$name.wasm"
        echo "wasm $features: $name passed in $((SECONDS - start)) s"
        ran+=("wasm $features, $name: $STONECHAT_PATHS")
    done
done
echo
printf 'paths: %s\n' "${ran[@]}"
