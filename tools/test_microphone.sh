#!/usr/bin/env bash
# `stonechat listen --microphone` with a sound server that has one microphone, into which recordings are played: the exact text, a microphone that
# goes and comes back, Ctrl-C.
#
# Needs PulseAudio with paplay and pactl, and libasound2-dev to build; as root on Debian it installs them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(libasound2-dev pkg-config pulseaudio pulseaudio-utils)
if ! { command -v pulseaudio && command -v paplay && pkg-config --exists alsa; } >/dev/null; then
    if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
        echo "skipped: needs ${packages[*]}, and root to install them"
        exit 0
    fi
    { apt-get update -q && apt-get install -q -y --no-install-recommends "${packages[@]}"; } >/dev/null ||
        { echo "skipped: ${packages[*]} cannot be installed here"; exit 0; }
fi
cargo clippy --locked --release -p stonechat-cli --features microphone --all-targets -- -D warnings
cargo build --locked --release --quiet -p stonechat-cli --features microphone
cargo test --locked --release --quiet -p stonechat-cli --features microphone --bin stonechat microphone
stonechat="$(realpath "${CARGO_TARGET_DIR:-target}/release/stonechat")"

work="$(mktemp -d)"
server=''
listener=''
at_exit() {
    for process in $listener $server; do kill "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap at_exit EXIT
for name in kitchen winter; do
    cargo run --locked --release --quiet -p stonechat-audio --example wav -- "samples/$name.flac" "$work/$name.wav"
done
export XDG_RUNTIME_DIR="$work/run" HOME="$work"
unset DBUS_SESSION_BUS_ADDRESS PULSE_COOKIE PULSE_RUNTIME_PATH PULSE_SERVER XDG_CONFIG_HOME
mkdir -m 700 "$XDG_RUNTIME_DIR"
pulseaudio -n --daemonize=no --exit-idle-time=-1 --log-target="file:$work/server.log" -L module-native-protocol-unix &
server=$!

# Waits until a command succeeds.
until_true() {
    for _ in $(seq 300); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    echo "in vain waited for: $*" >&2
    cat "$work/err" "$work/server.log" >&2 || true
    return 1
}
until_true pactl info
plug() { pactl load-module module-null-sink sink_name=mic rate=48000 channels=2 >"$work/module"; }
unplug() { pactl unload-module "$(cat "$work/module")"; }
plug
# Starts `listen` with these options and waits until it does.
listen() {
    : >"$work/err"
    "$stonechat" listen "$@" >"$work/out" 2>"$work/err" &
    listener=$!
    until_true grep -q '^listening to' "$work/err"
}
play() { paplay --device=mic "$work/$1.wav"; }
# Ends it as Ctrl-C does and compares what it said.
expect() {
    kill -INT "$listener"
    wait "$listener"
    listener=''
    printf '%s\n' "$@" | diff - "$work/out"
}
kitchen='turn on the light in the kitchen'
winter='it was a cold day in the middle of winter'

"$stonechat" listen --devices | tee "$work/devices"
grep -q '^\* mic.monitor ' "$work/devices"
if "$stonechat" listen --microphone=nobody 2>"$work/err"; then exit 1; fi
grep -q 'mic.monitor' "$work/err"

listen --microphone
play kitchen
until_true grep -q "$kitchen" "$work/out" # the utterance ends by itself
play winter
sleep 0.5 # what is on its way: Ctrl-C ends the utterance that goes on
expect "$kitchen" "$winter"
echo 'the system'"'"'s microphone, then Ctrl-C: exact text'

listen --microphone=mic
play kitchen
sleep 0.3
unplug
until_true grep -q 'gone' "$work/err"
until_true grep -q "$kitchen" "$work/out" # what was said before is not lost
plug
until_true grep -q 'listening again' "$work/err"
play winter
sleep 0.5
expect "$kitchen" "$winter"
grep -q 'the microphone was gone' "$work/err"
echo 'unplugged and plugged in again: exact text'

listen --microphone --json
play kitchen
until_true grep -q '"result"' "$work/out"
kill -INT "$listener"
wait "$listener"
listener=''
grep -q '"partial"' "$work/out"
grep -q "\"text\":\"$kitchen\"" "$work/out"
echo 'as JSON: partial texts and the utterance'
