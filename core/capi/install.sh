#!/usr/bin/env bash
# Builds the C library and installs it: header, shared and static library, pkg-config file.
#
#   PREFIX=/usr/local DESTDIR= LIBDIR=$PREFIX/lib bash core/capi/install.sh
#
# Wants cargo, a C compiler and binutils (Linux). PREFIX is where the library will be used from, DESTDIR is put before all
# paths that are written, for packages, and to build as a user what root installs:
#
#   DESTDIR=$PWD/target/stage bash core/capi/install.sh
#   sudo cp -dR target/stage/usr/local/. /usr/local/ && sudo ldconfig
#
# All three are absolute paths. ldconfig makes a library that was put among the system's known to the loader. The shared library is linked here from the static one, so that the version script
# callprint.map alone says which symbols it shows.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-$prefix/lib}
destdir=${DESTDIR:-}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
# Version of the binary interface: the number in the library's file name.
abi=$(sed -n 's/^#define CALLPRINT_ABI_VERSION //p' core/capi/callprint.h)
libs='-lpthread -ldl -lm'
for name in PREFIX LIBDIR DESTDIR; do
    case $name in PREFIX) path=$prefix ;; LIBDIR) path=$libdir ;; DESTDIR) path=${destdir:-/} ;; esac
    if [[ $path != /* ]]; then
        printf 'install.sh: %s is "%s": want an absolute path\n' "$name" "$path" >&2
        exit 2
    fi
done

# Cargo says where it puts the library: that depends on its configuration and environment.
messages=$(cargo rustc --locked --release -p callprint --lib --no-default-features --features capi \
    --crate-type staticlib --message-format json-render-diagnostics)
archive=$(sed -n 's|.*"filenames":\["\([^"]*/libcallprint\.a\)".*|\1|p' <<<"$messages")
if [[ ! -f $archive ]]; then
    printf 'install.sh: cargo did not say where it put libcallprint.a\n' >&2
    exit 1
fi

install -d "$destdir$prefix/include" "$destdir$libdir/pkgconfig"
install -m 644 core/capi/callprint.h "$destdir$prefix/include/"
install -m 644 "$archive" "$destdir$libdir/"
# shellcheck disable=SC2086 # several words on purpose
"${CC:-cc}" -shared -o "$destdir$libdir/libcallprint.so.$version" -Wl,-soname,"libcallprint.so.$abi" \
    -Wl,--version-script=core/capi/callprint.map -Wl,--gc-sections -Wl,-z,defs \
    -Wl,--whole-archive "$archive" -Wl,--no-whole-archive -lgcc_s $libs
# Whoever installs it with a umask of their own wants it read by others, too.
chmod 755 "$destdir$libdir/libcallprint.so.$version"
ln -sf "libcallprint.so.$version" "$destdir$libdir/libcallprint.so.$abi"
ln -sf "libcallprint.so.$abi" "$destdir$libdir/libcallprint.so"
sed -e "s|@PREFIX@|$prefix|; s|@LIBDIR@|$libdir|; s|@VERSION@|$version|; s|@LIBS_PRIVATE@|$libs|" \
    core/capi/callprint.pc.in >"$destdir$libdir/pkgconfig/callprint.pc"
chmod 644 "$destdir$libdir/pkgconfig/callprint.pc"
printf 'installed callprint %s under %s\n' "$version" "$destdir$prefix"
