#!/usr/bin/env bash
# Wheels of the Python package for Linux, x86-64 and AArch64, into target/wheels: for every glibc since 2.17 (the linker is the zig
# of PyPI) and every Python since 3.11. Each is audited, that of this machine also installed and asked for a text.
#
#   tools/build_wheels.sh [ARCHITECTURE...]        # default: x86_64 aarch64
#
# Needs rustup, a Python of 3.11 or later with venv, and an index of packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ $# -gt 0 ] || set -- x86_64 aarch64
wheels="$PWD/target/wheels"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check abi3audit auditwheel maturin ziglang
export PATH="$work/venv/bin:$PATH"

rm -rf "$wheels"
for architecture in "$@"; do
    target="$architecture-unknown-linux-gnu"
    rustup target add "$target"
    maturin build --quiet --locked --profile library --manifest-path crates/python/Cargo.toml --zig --target "$target" \
        --compatibility manylinux2014 --interpreter "$work/venv/bin/python" --out "$wheels"
    wheel="$(echo "$wheels"/*"$architecture.whl")"
    printf '%s: %d bytes\n' "$(basename "$wheel")" "$(stat -c %s "$wheel")"
    abi3audit --strict "$wheel"
    auditwheel show "$wheel" | grep -F 'manylinux_2_17'
    # Nothing but the system's own libraries is linked, and pages may be of 64 kB.
    unzip -q -o "$wheel" -d "$work/$architecture"
    readelf -d "$work/$architecture"/stonechat/_native*.so | grep NEEDED
    if [ "$architecture" = "$(uname -m)" ]; then
        python3 -m venv "$work/fresh"
        "$work/fresh/bin/pip" install --quiet --disable-pip-version-check --no-index --find-links "$wheels" stonechat
        "$work/fresh/bin/python" -c 'import stonechat; print(stonechat.Recognizer().transcribe("samples/kitchen.flac"))' | tee "$work/text"
        grep -qx 'turn on the light in the kitchen' "$work/text"
    fi
done
