#!/usr/bin/env bash
# The page and the npm package: built, and tried in Node and in a real browser.
#
#   tools/test_web.sh [FOLDER for screenshots]
#
# Needs what tools/build_web.sh needs, node 20 or later, and for the page Chromium (CHROMIUM, else /usr/bin/chromium) and npm, which
# brings playwright-core.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! rustup target add wasm32-unknown-unknown >/dev/null 2>&1 || ! command -v node >/dev/null; then
    echo 'skipped: no node, or no rustup to bring wasm32-unknown-unknown'
    exit 0
fi
work="${CARGO_TARGET_DIR:-target}/web-test"
tools/build_web.sh "$work/site"

# A wav of the sample: what browsers take as a fake microphone.
text='turn on the light in the kitchen'
mkdir -p "$work"
cargo run --quiet --release -p stonechat-audio --example wav -- samples/kitchen.flac "$work/kitchen.wav"
node web/test/node.mjs "$work/site/package" "$work/kitchen.wav" "$text"

if [ ! -x "${CHROMIUM:-/usr/bin/chromium}" ] || ! command -v npm >/dev/null; then
    echo 'skipped: no Chromium, or no npm to bring playwright-core'
    exit 0
fi
cp web/test/page.mjs "$work"
[ -d "$work/node_modules/playwright-core" ] || npm install --silent --no-save --prefix "$work" playwright-core >/dev/null
node "$work/page.mjs" "$work/site" "$work/kitchen.wav" "$text" "$@"
