#!/usr/bin/env bash
# The kernels for C: the header is what cbindgen makes of the sources; the C example is compiled against it and the static library, and
# runs; the header is C++ as well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

crate=crates/kernels
cargo run --locked --quiet --manifest-path tools/c_header/Cargo.toml
out="${CARGO_TARGET_DIR:-target}/release"
cargo rustc -p stonechat-kernels --release --lib --crate-type staticlib --features capi
cc -std=c99 -Wall -Wextra -Wpedantic -Werror -O2 -I "$crate/include" "$crate/examples/c/matmul.c" \
    "$out/libstonechat_kernels.a" -lpthread -ldl -lm -o "$out/matmul_c"
"$out/matmul_c"
if command -v c++ >/dev/null; then
    echo '#include "stonechat_kernels.h"' | c++ -x c++ -Wall -Wextra -Werror -fsyntax-only -I "$crate/include" -
fi
