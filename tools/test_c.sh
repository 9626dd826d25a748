#!/usr/bin/env bash
# Builds the kernels as a static library for C, compiles the C example against the header, as C and as C++, and runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

crate=crates/kernels
out="${CARGO_TARGET_DIR:-target}/release"
cargo rustc -p stonechat-kernels --release --lib --crate-type staticlib --features capi
cc -std=c99 -Wall -Wextra -Wpedantic -Werror -O2 -I "$crate/include" "$crate/examples/c/matmul.c" \
    "$out/libstonechat_kernels.a" -lpthread -ldl -lm -o "$out/matmul_c"
"$out/matmul_c"
if command -v c++ >/dev/null; then
    echo '#include "stonechat_kernels.h"' | c++ -x c++ -Wall -Wextra -Werror -fsyntax-only -I "$crate/include" -
fi
