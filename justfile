# `just` lists the targets. All of them run from the root of the repository.

default:
    @just --list

# everything that CI checks
check:
    .ci/run

# all tests, as in the README
test:
    cargo test --release --workspace --features full

# one crate's tests, with checks for overflow: `just test-crate kernels`
test-crate CRATE *ARGS:
    cargo test --manifest-path crates/{{CRATE}}/Cargo.toml {{ARGS}}

# format the sources
fmt:
    cargo fmt --all

# lints, warnings are errors
clippy:
    cargo clippy --release --workspace --features full --all-targets -- -D warnings

# the libraries' documentation, in target/doc
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --release --no-deps --workspace --exclude stonechat-cli

# the kernels' tests on AArch64 under qemu
aarch64 *TESTS:
    tools/test_aarch64.sh {{TESTS}}

# speed on this machine: kernels, features, bundled model
bench:
    cargo run --release -p stonechat-kernels --example bench
    cargo run --release -p stonechat-audio --example measure
    cargo run --release -- bench
