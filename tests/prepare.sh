# Sourced by run.sh and demo.sh: root, cargo and Debian packages.

# Names the package of each missing command and installs them.
# need COMMAND=PACKAGE ...
need() {
    missing=
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null 2>&1 || missing="$missing ${pair#*=}"
    done
    [ -z "$missing" ] && return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "次のパッケージを入れてください / please install:$missing" >&2
        return 1
    fi
    echo "パッケージを入れます / installing:$missing"
    # The lists may be absent or old; a first try without them is quicker.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >/dev/null 2>&1 || {
        apt-get update >/dev/null
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >/dev/null
    }
}

require_root() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "root で実行してください: sudo sh $0 / run as root" >&2
        exit 1
    fi
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
    export PATH
}

# Sets CARGO. Under sudo the toolchain is usually in the caller's home.
find_cargo() {
    if [ -z "${CARGO:-}" ]; then
        CARGO=$(command -v cargo || true)
    fi
    if [ -z "$CARGO" ]; then
        for user in "${SUDO_USER:-root}" root; do
            home=$(getent passwd "$user" | cut -d: -f6)
            if [ -x "$home/.cargo/bin/cargo" ]; then
                CARGO=$home/.cargo/bin/cargo
                export CARGO_HOME="${CARGO_HOME:-$home/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$home/.rustup}"
                PATH=$home/.cargo/bin:$PATH
                break
            fi
        done
    fi
    if [ -z "$CARGO" ]; then
        echo "cargo が見つかりません。Rust を入れるか、CARGO=/path/to/cargo を指定してください / cargo not found" >&2
        exit 1
    fi
    export CARGO PATH
    # libsqlite3 is built from source.
    need cc=gcc ld=binutils
}

# Gives what root built or fetched back to the user who called sudo.
give_back() {
    if [ -n "${SUDO_UID:-}" ] && [ "$SUDO_UID" -ne 0 ]; then
        for folder in "${CARGO_TARGET_DIR:-target}" "${CARGO_HOME:-}"; do
            [ -d "$folder" ] && chown -R --from=root "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$folder" || true
        done
    fi
}
