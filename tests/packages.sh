# Debian packages for the scripts beside this file, which source it.

# may_install: whether packages can be installed here.
may_install() { [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

# want_packages NAME...: installs packages where that is possible, else ends with what to do.
want_packages() {
    if ! may_install; then
        printf '%s: please install first: %s (names of Debian packages)\n' "tests/$(basename "$0")" "$*" >&2
        exit 1
    fi
    printf '\n== installing %s\n' "$*"
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}
