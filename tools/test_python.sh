#!/usr/bin/env bash
# The Python package: its wheel is built and installed into a fresh environment without an index; pytest with the newest numpy, mypy --strict
# and stubtest then look at what was installed. In Python code the border is checked by clippy first.
#
#   tools/test_python.sh [PYTHON]        # default: python3
#
# Needs a Python of 3.11 or later with venv, and an index of packages; what is not to be had is skipped with words.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python="${1:-python3}"
if ! "$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "skipped: $python is no Python of 3.11 or later with venv"
    exit 0
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# It stays for tests/everywhere, which runs the same installation.
venv="$(realpath -m "${CARGO_TARGET_DIR:-target}/python-test")"
if ! "$python" -m venv --clear "$venv" || ! "$venv/bin/pip" install --quiet --disable-pip-version-check maturin mypy numpy pytest; then
    echo 'skipped: maturin, mypy, numpy and pytest cannot be installed here'
    exit 0
fi
bin="$venv/bin"
package="$PWD/crates/python"

PYO3_PYTHON="$bin/python" PYO3_BUILD_EXTENSION_MODULE=1 \
    cargo clippy --locked --release -p stonechat-python --features extension --all-targets -- -D warnings
"$bin/maturin" build --quiet --locked --release --manifest-path "$package/Cargo.toml" --interpreter "$bin/python" --out "$work/wheels"
wheel="$(echo "$work"/wheels/*.whl)"
echo "$(basename "$wheel"): $(stat -c %s "$wheel") bytes"
"$bin/pip" install --quiet --disable-pip-version-check --no-index --find-links "$work/wheels" stonechat

# What the tests compare with: the command, and a recording as raw samples.
cargo build --locked --release --quiet -p stonechat-cli --features full
STONECHAT="$(realpath "${CARGO_TARGET_DIR:-target}/release/stonechat")"
export STONECHAT PYTHONDONTWRITEBYTECODE=1
for rate in 16000 48000; do
    cargo run --locked --release --quiet -p stonechat-audio --example pcm -- samples/kitchen.flac "$rate" >"$work/kitchen.$rate.pcm"
done

"$bin/python" -m pytest --quiet --rootdir "$package" -c "$package/pyproject.toml" --audio "$work" "$package/tests"
cd "$work" # away from the sources: what is installed is checked
"$bin/mypy" --config-file "$package/pyproject.toml" -p stonechat
MYPYPATH="$package/tests" "$bin/mypy" --config-file "$package/pyproject.toml" "$package/tests"
"$bin/stubtest" stonechat --mypy-config-file "$package/pyproject.toml"
