#!/bin/sh
# Names what this machine lacks, each with the one line that installs it. Quiet when nothing is missing.
set -u
missing=0

lacks() {
    missing=1
    printf 'missing: %s\n  install it with: %s\n' "$1" "$2" >&2
}

python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null 2>&1; then
    lacks "Python 3.11 or newer" "apt-get install python3 python3-venv"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    lacks "Python 3.11 or newer (this is $("$python" -V 2>&1))" \
        "apt-get install python3.11 python3.11-venv, then: make PYTHON=python3.11 ..."
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    lacks "Python's venv module" "apt-get install python3-venv"
fi

if ! command -v cc >/dev/null 2>&1; then
    lacks "a C compiler" "apt-get install gcc libc6-dev"
fi

# Without cargo the Python build brings a Rust of its own; with an old one it would fail half-way.
if command -v cargo >/dev/null 2>&1; then
    version=$(cargo --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\).*/\1/p')
    if [ -z "$version" ] || [ "$version" -lt 89 ]; then
        lacks "Rust 1.89 or newer (this is $(cargo --version 2>&1 | head -n 1))" \
            "rustup update stable; or take the old one away, then the build brings its own: apt-get remove cargo rustc"
    fi
fi

exit $missing
