#!/usr/bin/env bash
# The page and the npm package, made of crates/web, web/ and models/.
#
#   tools/build_web.sh [FOLDER]        # default: target/web
#
# FOLDER is then a static site: any server will do, no header is needed. FOLDER/package is the npm package, for browsers and Node.
# Needs a rustc with the standard library of wasm32-unknown-unknown (`rustup target add wasm32-unknown-unknown`).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

site=${1:-target/web}
out="${CARGO_TARGET_DIR:-target}"
# Vectors of 128 bits, which every browser has since 2023. Symbols are stripped by the bindings: with `strip` they would not see what
# the module needs.
RUSTFLAGS='-C target-feature=+simd128' cargo build --locked --release --target wasm32-unknown-unknown -p stonechat-web \
    --config 'profile.release.strip="debuginfo"' --config 'profile.release.lto="fat"' --config 'profile.release.codegen-units=1'
cargo run --locked --quiet --release --manifest-path tools/web/Cargo.toml -- \
    "$out/wasm32-unknown-unknown/release/stonechat_web.wasm" "$out/web-bindings"

rm -rf "$site"
mkdir -p "$site/package"
cp web/*.html web/*.css web/*.js web/*.svg web/*.webmanifest "$site"
cp web/package/* "$out/web-bindings/stonechat_web.js" "$out/web-bindings/stonechat_web_bg.wasm" LICENSE-* "$site/package"
cp models/default.stonechat "$site/package/english.stonechat"
cp models/default.lm "$site/package/english.lm"

# What people download, and its limits.
wasm="$site/package/stonechat_web_bg.wasm"
bytes=$(stat -c %s "$wasm")
packed=$(gzip -9 -c "$wasm" | wc -c)
page=$(find "$site" -type f ! -name '*.d.ts' ! -name package.json ! -name 'LICENSE-*' ! -name node.js -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
printf 'wasm %d bytes (gzip %d), whole page %d bytes\n' "$bytes" "$packed" "$page"
[ "$packed" -le 670000 ] || { echo "error: the wasm must fit 670 kB gzipped" >&2; exit 1; }
[ "$page" -le 6000000 ] || { echo "error: the page must fit 6 MB" >&2; exit 1; }
