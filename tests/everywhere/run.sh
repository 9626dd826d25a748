#!/usr/bin/env bash
# The rows of table.tsv through every surface: the same words everywhere (README.md). What cannot be built here is skipped with words;
# Python and Node are those that tools/test_python.sh and tools/test_web.sh left.
#
#   tests/everywhere/run.sh [--write]        # --write: the library's texts go into the table, for another bundled model; look at them
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

here=tests/everywhere
target="$(realpath -m "${CARGO_TARGET_DIR:-target}")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
sed '/^#/d' "$here/table.tsv" >"$work/rows"

cargo build --locked --release --quiet -p stonechat-cli --features full
export STONECHAT="$target/release/stonechat"
"$STONECHAT" pack --lm models/default.lm --output "$work/english.stonechat" >/dev/null
cargo build --locked --release --quiet -p stonechat --features vad --example everywhere
everywhere="$target/release/examples/everywhere"
mkdir "$work/sounds"
"$everywhere" sounds samples "$work/sounds" <"$work/rows"

wrong=0
# Gives the rows in $work/$1.rows to a client and compares what it prints with the table.
surface() {
    local name=$1
    shift
    cut -f 1,5 "$work/$name.rows" >"$work/expected"
    if "$@" "$work/english.stonechat" "$work/sounds" <"$work/$name.rows" >"$work/heard" && diff "$work/expected" "$work/heard"; then
        echo "$name: $(wc -l <"$work/heard") rows, the same words"
    else
        echo "$name: other words (< table, > heard), or none" >&2
        wrong=1
    fi
}
# Which rows a surface can do: all, or those for which an awk expression is true.
rows() { awk -F '\t' "${2:-1}" "$work/rows" >"$work/$1.rows"; }

if [ "${1:-}" = --write ]; then
    "$everywhere" "$work/english.stonechat" "$work/sounds" <"$work/rows" | cut -f 2 >"$work/texts"
    { sed -n '/^#/p' "$here/table.tsv"; cut -f 1-4 "$work/rows" | paste - "$work/texts"; } >"$work/table"
    cp "$work/table" "$here/table.tsv"
    sed '/^#/d' "$here/table.tsv" >"$work/rows"
fi

rows library
surface library "$everywhere"

rows command
surface command "$here/clients/command.sh"

if command -v cc >/dev/null && command -v pkg-config >/dev/null; then
    tools/install_c_library.sh "$work/c" 2>/dev/null
    export PKG_CONFIG_PATH="$work/c/lib/pkgconfig" LD_LIBRARY_PATH="$work/c/lib"
    # shellcheck disable=SC2046
    cc -O2 crates/capi/examples/c/transcribe.c $(pkg-config --cflags --libs stonechat) -o "$work/transcribe"
    rows c
    TRANSCRIBE="$work/transcribe" surface c "$here/clients/c.sh"

    cargo rustc --locked --quiet -p stonechat-vosk --profile library --lib --crate-type cdylib -- -C link-arg=-Wl,-soname,libvosk.so
    cp "$target/library/libvosk.so" "$work/c/lib"
    cc -O2 -Wall -Wextra -Werror "$here/clients/vosk.c" -L "$work/c/lib" -lvosk -o "$work/vosk"
    # Vosk ends utterances always, and of our settings it knows a grammar.
    rows vosk '$4 == "" || $4 ~ /^grammar=[^;]*$/'
    TRANSCRIBE="$work/vosk" surface vosk "$here/clients/c.sh"
else
    echo 'skipped: C and libvosk, there is no compiler or no pkg-config'
fi

if [ -x "$target/python-test/bin/python" ]; then
    rows python
    surface python "$target/python-test/bin/python" "$here/clients/python.py"
else
    echo 'skipped: Python, tools/test_python.sh could not make its environment'
fi

if command -v node >/dev/null && [ -d "$target/web-test/site/package" ]; then
    rows node
    PACKAGE="$target/web-test/site/package" surface node node "$here/clients/node.mjs"
else
    echo 'skipped: Node, tools/test_web.sh could not make its package'
fi

# Here: the protocols of a server, one client and one line each.

exit $wrong
