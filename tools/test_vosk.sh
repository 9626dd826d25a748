#!/usr/bin/env bash
# libvosk: Vosk's own clients, which nobody here wrote, run on it unchanged: PyPI's vosk 0.3.45 with its command, npm's vosk-koffi 1.1.1.
# What is not to be had here is skipped with words.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
out="${CARGO_TARGET_DIR:-target}"
said='turn on the light in the kitchen'

cargo rustc -p stonechat-vosk --profile library --lib --crate-type cdylib -- -C link-arg=-Wl,-soname,libvosk.so
library="$out/library/libvosk.so"
echo "libvosk.so: $(stat -c %s "$library") bytes"
cargo build --release --quiet -p stonechat-cli --features full
"$out/release/stonechat" pack --lm models/default.lm --output "$work/english.stonechat"
mkdir "$work/folder"
cp models/default.stonechat models/default.lm "$work/folder"
cargo run --release --quiet -p stonechat-audio --example pcm -- samples/kitchen.flac 16000 >"$work/16000.pcm"

if python3 -m venv "$work/venv" && "$work/venv/bin/pip" install --quiet vosk==0.3.45; then
    package="$("$work/venv/bin/python" -c 'import importlib.util; print(importlib.util.find_spec("vosk").submodule_search_locations[0])')"
    echo "vosk's own library: $(stat -c %s "$package/libvosk.so") bytes"
    cp "$library" "$package/libvosk.so"
    "$work/venv/bin/python" crates/vosk/tests/clients/client.py "$work/english.stonechat" "$work/folder" "$work/16000.pcm" "$said"
    if command -v ffmpeg >/dev/null; then
        transcriber=("$work/venv/bin/vosk-transcriber" --model "$work/english.stonechat" --input samples/kitchen.flac --log-level ERROR)
        test "$("${transcriber[@]}")" = "$said"
        "${transcriber[@]}" --output-type srt | tee "$work/srt"
        grep -q -- '-->' "$work/srt"
        test "$(grep '^[a-z]' "$work/srt" | xargs)" = "$said"
        echo 'vosk-transcriber: as expected'
    else
        echo 'skipped: vosk-transcriber, which needs ffmpeg'
    fi
else
    echo 'skipped: the Python package vosk cannot be installed here'
fi

if command -v npm >/dev/null && (cd "$work" && npm install --silent --no-audit --no-fund --ignore-scripts vosk-koffi@1.1.1); then
    mkdir -p "$work/node_modules/vosk-koffi/bin-linux-x64"
    cp "$library" "$work/node_modules/vosk-koffi/bin-linux-x64/libvosk.so"
    cp crates/vosk/tests/clients/client.js "$work"
    node "$work/client.js" "$work/english.stonechat" "$work/16000.pcm" "$said"
else
    echo 'skipped: the npm package vosk-koffi cannot be installed here'
fi
