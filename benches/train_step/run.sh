#!/bin/sh
# One training step, ours against PyTorch; see README.md. PYTHON names an interpreter with torch installed.
set -e
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
cargo build --release -p stonechat-train --example train_step
exec "${PYTHON:-python3}" benches/train_step/compare.py "${CARGO_TARGET_DIR:-target}/release/examples/train_step" "$@"
