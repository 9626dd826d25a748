#!/bin/sh
# Builds the contestants, measures all shapes and writes DATE.json, DATE.svg and the tables of README.md.
#
#   PEERS=FOLDER benches/peers/run.sh [SHAPE...]
#
# PEERS is the folder of setup.sh. WRAP, where set, is a command that each shape's measurement is run by.
set -e
here=$(cd "$(dirname "$0")" && pwd)
peers=${PEERS:?the folder of setup.sh}
bin=${BIN:-$here/rust/target/peers}
mkdir -p "$bin"

version() { printf -- '-DPACKAGE_VERSION="%s"' "$(dpkg-query -W -f '${Version}' "$1")"; }
build() { # NAME SOURCE FLAGS...
    name=$1 source=$2
    shift 2
    [ "$bin/$name" -nt "$here/native/$source" ] || g++ -O3 -march=native -std=c++17 "$here/native/$source" -o "$bin/$name" "$@"
}
build onednn2 onednn.cc -ldnnl
build onednn3 onednn.cc -I "$peers/include" -L "$peers/lib" "-Wl,-rpath,$peers/lib" -ldnnl
build gemmlowp gemmlowp.cc "$(version libgemmlowp-dev)" -lpthread
build xnnpack xnnpack.cc "$(version libxnnpack-dev)" -lXNNPACK -lpthread
(cd "$here/rust" && cargo build --release --locked)
cp "${CARGO_TARGET_DIR:-$here/rust/target}/release/peers-rust" "$bin/"

[ $# -gt 0 ] || set -- 6144x320 3840x1280 2304x768 3840x320 1536x1280 1280x320 8192x2048
file="$here/$(date +%Y-%m-%d).json"
for shape in "$@"; do
    ${WRAP:-} "$peers/bin/python" "$here/compare.py" "$bin" --shape "$shape" --save "$file"
done
"$peers/bin/python" "$here/report.py" "$file"
