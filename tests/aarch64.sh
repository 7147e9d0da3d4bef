#!/usr/bin/env bash
# Runs the tests of the Hamming kernels for 64-bit Arm (NEON) in an emulator, on any other machine.
#
#   bash tests/aarch64.sh
#
# Wants rustup; installs Rust's library for aarch64 and, where that is possible, Debian's cross linker and QEMU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/packages.sh

readonly TARGET=aarch64-unknown-linux-gnu
rustup target add "$TARGET"
if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
    want_packages qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross
fi

export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
# The library without program and decoders: what the kernels' tests need.
PROPTEST_CASES=50 cargo test --locked --release --target "$TARGET" -p callprint --lib --no-default-features \
    -- index::hamming:: simd::
