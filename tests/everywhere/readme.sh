#!/usr/bin/env bash
# The snippets of the README's "Use it from", each run as it stands there, with no more around it than what it names. What cannot be built
# here is skipped with words; Python, Node and the browser are those that tools/test_python.sh and tools/test_web.sh left.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

root="$PWD"
target="$(realpath -m "${CARGO_TARGET_DIR:-target}")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
said='they waited for the train in the little station'

# The code below the line that begins with **$1.
snippet() {
    awk -v name="**$1" '
        index($0, name) == 1 { found = 1 }
        found && /^```$/ { exit }
        inside { print; lines++ }
        found && /^```./ { inside = 1 }
        END { if (lines < 1 || lines > 8) { print name ": " lines + 0 " lines" > "/dev/stderr"; exit 1 } }' "$root/README.md"
}
# Whether the last lines on stdin have what is said in the recording.
heard() {
    if tr '\n' ' ' | grep -q "$said"; then echo "$1: $said"; else
        echo "$1: the snippet says something else" >&2
        exit 1
    fi
}

cargo build --locked --release --quiet -p stonechat-cli --features full
"$target/release/stonechat" pack --lm models/default.lm --output "$work/english.stonechat" >/dev/null
cp samples/train.flac "$work/talk.flac"
pcm() { cargo run --locked --release --quiet -p stonechat-audio --example pcm -- samples/train.flac "$@"; }
pcm 48000 >"$work/48000.s16"
pcm 48000 f32 >"$work/48000.f32"
pcm 16000 >"$work/16000.s16"

mkdir "$work/bin"
ln -s "$target/release/stonechat" "$work/bin"
printf '#!/bin/sh\ncat "%s"\n' "$work/16000.s16" >"$work/bin/arecord" # the microphone
chmod +x "$work/bin/arecord"
snippet 'the shell' >"$work/shell.sh"
(cd "$work" && PATH="$work/bin:$PATH" bash -e shell.sh) >"$work/out"
head -n -1 "$work/out" | grep -q -- '-->'
head -n -1 "$work/out" | heard 'the shell, subtitles'
tail -n 1 "$work/out" | heard 'the shell, a pipe'

# The library as it was built for the command; only the snippet itself is compiled.
cargo build --locked --release --quiet -p stonechat --features vad
{
    echo 'use stonechat::{Model, Settings};'
    echo 'fn main() -> Result<(), stonechat::Error> {'
    echo "let bytes = std::fs::read(\"$work/48000.f32\").unwrap();"
    echo 'let samples: Vec<f32> = bytes.as_chunks().0.iter().map(|four| f32::from_ne_bytes(*four)).collect();'
    snippet Rust
    echo 'Ok(()) }'
} >"$work/snippet.rs"
rustc --edition 2024 -L "dependency=$target/release/deps" --extern "stonechat=$target/release/libstonechat.rlib" -o "$work/snippet" "$work/snippet.rs"
(cd "$work" && ./snippet) | heard Rust

if command -v cc >/dev/null && command -v pkg-config >/dev/null; then
    tools/install_c_library.sh "$work/c" 2>/dev/null
    export PKG_CONFIG_PATH="$work/c/lib/pkgconfig" LD_LIBRARY_PATH="$work/c/lib"
    {
        printf '#include <stdio.h>\n#include "stonechat.h"\n'
        echo 'static int16_t samples[1 << 20];'
        echo 'int main(void) {'
        echo 'StonechatModel *model; StonechatRecognizer *recognizer; StonechatStream *stream; const char *json;'
        echo 'size_t count = fread(samples, sizeof samples[0], 1 << 20, stdin);'
        snippet 'C and C++'
        echo 'puts(json); return 0; }'
    } >"$work/snippet.c"
    # shellcheck disable=SC2046
    cc "$work/snippet.c" $(pkg-config --cflags --libs stonechat) -o "$work/snippet"
    (cd "$work" && ./snippet <48000.s16) | heard C
    cp "$work/snippet.c" "$work/snippet.cpp"
    # shellcheck disable=SC2046
    if command -v c++ >/dev/null; then
        c++ "$work/snippet.cpp" $(pkg-config --cflags --libs stonechat) -o "$work/snippet"
        (cd "$work" && ./snippet <48000.s16) | heard C++
    fi
else
    echo 'skipped: C, there is no compiler or no pkg-config'
fi

python="$target/python-test/bin/python"
if [ -x "$python" ]; then
    {
        echo 'import stonechat'
        echo 'pcm = open("48000.s16", "rb").read()'
        echo 'chunks = (pcm[at : at + 4800] for at in range(0, len(pcm), 4800))'
        snippet Python
    } >"$work/snippet.py"
    (cd "$work" && "$python" snippet.py) >"$work/out"
    head -n 4 "$work/out" | heard 'Python, a file'
    tail -n 1 "$work/out" | heard 'Python, pieces'

    # Vosk's own package with our library in place of its own.
    if "$python" -m pip install --quiet --disable-pip-version-check vosk==0.3.45; then
        cargo rustc --locked --quiet -p stonechat-vosk --profile library --lib --crate-type cdylib -- -C link-arg=-Wl,-soname,libvosk.so
        package="$("$python" -c 'import importlib.util; print(importlib.util.find_spec("vosk").submodule_search_locations[0])')"
        cp "$target/library/libvosk.so" "$package"
        {
            echo 'import vosk'
            echo 'samples = open("48000.s16", "rb").read()'
            snippet 'where Vosk is'
        } >"$work/snippet.py"
        (cd "$work" && "$python" snippet.py) 2>/dev/null | heard Vosk
    else
        echo 'skipped: Vosk, its Python package cannot be installed here'
    fi
else
    echo 'skipped: Python and Vosk, tools/test_python.sh could not make its environment'
fi

site="$target/web-test/site"
if command -v node >/dev/null && [ -d "$site/package" ]; then
    mkdir -p "$work/node_modules"
    ln -s "$site/package" "$work/node_modules/stonechat"
    {
        snippet Node | sed -n '/^import/p'
        echo "import { readFileSync } from 'node:fs';"
        echo "const bytes = readFileSync('48000.s16');"
        echo 'const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));'
        snippet Node | sed '/^import/d'
    } >"$work/snippet.mjs"
    (cd "$work" && node snippet.mjs) | heard Node

    if [ -x "${CHROMIUM:-/usr/bin/chromium}" ] && [ -d "$target/web-test/node_modules/playwright-core" ]; then
        snippet 'the browser' >"$work/snippet.js"
        cp tests/everywhere/clients/browser.mjs "$target/web-test"
        node "$target/web-test/browser.mjs" "$site" "$work/snippet.js" "$work/48000.s16" | heard 'the browser'
    else
        echo 'skipped: the browser, there is no Chromium or no playwright-core'
    fi
else
    echo 'skipped: Node and the browser, tools/test_web.sh could not make the package'
fi
