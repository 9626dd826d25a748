#!/usr/bin/env bash
# The library for C: its header is what cbindgen makes of the sources; the examples in C99 and C++ are built against what is installed and
# hear a sample; every function is called with what it must refuse, as it is, with AddressSanitizer and under valgrind; memory stays flat.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

limit_bytes=5200000 # rustfft, of which audio, kernels and resampler each have their own instances, is 1.5 MB of it; loops with and without prefetch 0.6 MB
cycles="${1:-20000}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

cargo run --locked --quiet --manifest-path tools/c_header/Cargo.toml
tools/install_c_library.sh "$work/prefix"
export PKG_CONFIG_PATH="$work/prefix/lib/pkgconfig" LD_LIBRARY_PATH="$work/prefix/lib"
size="$(stat -L -c %s "$work/prefix/lib/libstonechat.so")"
echo "libstonechat.so: $size bytes"
test "$size" -le "$limit_bytes"

# A package with its language model, a damaged one, and samples.
cargo build --release --quiet -p stonechat-cli --features full
out="${CARGO_TARGET_DIR:-target}/release"
"$out/stonechat" pack --lm models/default.lm --output "$work/english.stonechat"
head -c 100000 "$work/english.stonechat" >"$work/damaged.stonechat"
cargo run --release --quiet -p stonechat-audio --example pcm -- samples/kitchen.flac 48000 >"$work/48000.pcm"
cargo run --release --quiet -p stonechat-audio --example pcm -- samples/kitchen.flac 16000 >"$work/16000.pcm"
cargo run --release --quiet -p stonechat-audio --example pcm -- samples/kitchen.flac 16000 f32 >"$work/16000.f32"
said='turn on the light in the kitchen'

flags="$(sed -n 's/^Cflags: *//p;s/^Libs: *//p' "$work/prefix/lib/pkgconfig/stonechat.pc" | sed "s|\${includedir}|$work/prefix/include|;s|\${libdir}|$work/prefix/lib|")"
strict='-Wall -Wextra -Wpedantic -Werror -O2'
c=crates/capi
cc -std=c99 $strict "$c/examples/c/transcribe.c" $flags -o "$work/transcribe"
cc -std=gnu99 $strict "$c/tests/c/contract.c" $flags -lpthread -o "$work/contract"
cc -std=c99 $strict "$c/tests/c/soak.c" $flags -o "$work/soak"
for rate in 16000 48000; do
    "$work/transcribe" "$work/english.stonechat" "$rate" <"$work/$rate.pcm" 2>/dev/null | tee "$work/text"
    test "$(cat "$work/text")" = "$said"
done
"$work/transcribe" "$work/english.stonechat" 16000 keyword=light "grammar=turn on the light in the kitchen" <"$work/16000.pcm" 2>/dev/null | tee "$work/text"
grep -q '"keyword"' "$work/text"
grep -qx "$said" "$work/text"
if command -v c++ >/dev/null; then
    c++ -std=c++17 $strict "$c/examples/c/transcribe.cpp" $flags -o "$work/transcribe_cpp"
    test "$("$work/transcribe_cpp" "$work/english.stonechat" 16000 <"$work/16000.f32")" = "$said"
else
    echo 'skipped: C++, there is no compiler'
fi

# Statically, as programs for small machines do.
cc -std=c99 $strict "$c/examples/c/transcribe.c" -I "$work/prefix/include" "$work/prefix/lib/libstonechat.a" -lpthread -ldl -lm \
    -Wl,--gc-sections -s -o "$work/static"
test "$("$work/static" "$work/english.stonechat" 16000 <"$work/16000.pcm" 2>/dev/null)" = "$said"
echo "a program with the static library: $(stat -L -c %s "$work/static") bytes"

contract() { "$@" "$work/english.stonechat" 48000 "$work/damaged.stonechat" <"$work/48000.pcm"; }
contract "$work/contract"
if echo 'int main(void) { return 0; }' | cc -fsanitize=address -x c - -o "$work/probe" 2>/dev/null && "$work/probe"; then
    cc -std=gnu99 $strict -g -fsanitize=address "$c/tests/c/contract.c" $flags -lpthread -o "$work/contract_asan"
    contract "$work/contract_asan"
else
    echo 'skipped: AddressSanitizer, the compiler has none'
fi
if command -v valgrind >/dev/null; then
    # Valgrind knows no AVX-512: the portable kernels run there.
    contract valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=1 "$work/contract"
else
    echo 'skipped: valgrind is not installed'
fi
"$work/soak" "$work/english.stonechat" "$cycles"
