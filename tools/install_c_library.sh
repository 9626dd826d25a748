#!/usr/bin/env bash
# Builds the library for C and installs it: install_c_library.sh PREFIX gives PREFIX/lib/libstonechat.{so,a}, PREFIX/include/stonechat.h and
# PREFIX/lib/pkgconfig/stonechat.pc.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

prefix="${1:?install_c_library.sh PREFIX}"
version="$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)"
out="${CARGO_TARGET_DIR:-target}/library"
mkdir -p "$prefix/lib/pkgconfig" "$prefix/include"
prefix="$(cd "$prefix" && pwd)"

cargo rustc -p stonechat-capi --profile library --lib --crate-type cdylib,staticlib -- -C link-arg=-Wl,-soname,libstonechat.so.0
install -m 755 "$out/libstonechat_capi.so" "$prefix/lib/libstonechat.so.$version"
ln -sf "libstonechat.so.$version" "$prefix/lib/libstonechat.so.0"
ln -sf libstonechat.so.0 "$prefix/lib/libstonechat.so"
install -m 644 "$out/libstonechat_capi.a" "$prefix/lib/libstonechat.a"
install -m 644 crates/capi/include/stonechat.h "$prefix/include/stonechat.h"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" crates/capi/stonechat.pc.in >"$prefix/lib/pkgconfig/stonechat.pc"
