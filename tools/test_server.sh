#!/usr/bin/env bash
# The server under clients that nobody here wrote: PyPI's openai, wyoming, vosk (`vosk-transcriber -s`) and prometheus-client.
# What is not to be had here is skipped with words. Argument: a built command with the feature `serve`; without one it is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work="$(mktemp -d)"
server=''
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

stonechat=${1:-}
if [ -z "$stonechat" ]; then
    cargo build --release --quiet -p stonechat-cli --features serve
    stonechat="${CARGO_TARGET_DIR:-target}/release/stonechat"
fi

# Starts it with these arguments; its address is in $address then, Wyoming's in $wyoming.
start() {
    "$stonechat" serve --json "$@" >"$work/told" 2>"$work/log" &
    server=$!
    for _ in $(seq 300); do
        grep -q '^}' "$work/told" && break
        kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
        sleep 0.1
    done
    address="$(sed -n 's/.*"address": "\(.*\)",/\1/p' "$work/told")"
    wyoming="$(sed -n 's/.*"wyoming": "\(.*\)",/\1/p' "$work/told")"
}

# Ends it as a scheduler does: it must end well.
finish() {
    kill -TERM "$server"
    wait "$server"
    server=''
}

for name in kitchen train winter; do
    for rate in 16000 24000; do
        cargo run --release --quiet -p stonechat-audio --example pcm -- "samples/$name.flac" "$rate" >"$work/$name.$rate.pcm"
    done
done

if ! python3 -m venv "$work/venv" 2>/dev/null; then
    echo 'skipped: the server under other clients, which need Python with venv'
    exit 0
fi
install() {
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$@"
}

if install 'openai[realtime]==3.57.0'; then
    echo 'sesame' >"$work/keys"
    start --listen 127.0.0.1:0 --key-file "$work/keys"
    "$work/venv/bin/python" crates/server/tests/clients/openai_client.py "$address" sesame samples "$work"
    finish
else
    echo 'skipped: the Python package openai cannot be installed here'
fi

start --listen 127.0.0.1:0 --wyoming 127.0.0.1:0
if install wyoming==1.10.2; then
    "$work/venv/bin/python" crates/server/tests/clients/wyoming_client.py "$wyoming" "$work/kitchen.16000.pcm" 'turn on the light in the kitchen'
else
    echo 'skipped: the Python package wyoming cannot be installed here'
fi
if install prometheus-client==0.26.0; then
    "$work/venv/bin/python" - "$address" <<'END'
import sys, urllib.request
from prometheus_client.openmetrics.parser import text_string_to_metric_families
text = urllib.request.urlopen(f"http://{sys.argv[1]}/metrics").read().decode()
names = {family.name for family in text_string_to_metric_families(text)}
assert {"stonechat_models", "stonechat_audio_seconds", "stonechat_lag_seconds"} <= names, names
print(f"prometheus-client reads {len(names)} metrics")
END
else
    echo 'skipped: the Python package prometheus-client cannot be installed here'
fi
finish

# vosk-transcriber knows no other address than localhost:2700, and loads a model by itself first: it gets libvosk as it is made here.
if command -v ffmpeg >/dev/null && install vosk==0.3.45; then
    cargo rustc -p stonechat-vosk --profile library --lib --crate-type cdylib --quiet
    package="$("$work/venv/bin/python" -c 'import importlib.util; print(importlib.util.find_spec("vosk").submodule_search_locations[0])')"
    cp "${CARGO_TARGET_DIR:-target}/library/libvosk.so" "$package/libvosk.so"
    if start --listen 127.0.0.1:2700; then
        "$work/venv/bin/vosk-transcriber" -s --model models/default.stonechat --input samples/kitchen.flac --output-type txt --log-level ERROR | tee "$work/said"
        grep -qx 'turn on the light in the kitchen' "$work/said"
        finish
        echo 'vosk-transcriber -s: as expected'
    fi
else
    echo 'skipped: vosk-transcriber -s, which needs ffmpeg and the Python package vosk'
fi
