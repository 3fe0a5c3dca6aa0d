#!/bin/sh
# Runs every test, those in network namespaces too: `sudo sh tests/run.sh`.
set -eu
cd "$(dirname "$0")/.."
. tests/prepare.sh

require_root
need nft=nftables ip=iproute2 conntrack=conntrack unshare=util-linux
find_cargo
trap give_back EXIT

# Tests that need root or the kernel fail then instead of stepping aside.
export CI=true

# Namespaces of a test carry the number of its process; one whose process is
# gone was left behind.
leftovers() {
    ip netns list | sed -n 's/^\(\(zlab-\|zd\)\([0-9][0-9]*\).*\)$/\3 \1/p' | while read -r pid name _; do
        [ -d "/proc/$pid" ] || echo "$name"
    done
}
before=$(leftovers)

if "$CARGO" nextest --version >/dev/null 2>&1; then
    "$CARGO" nextest run --locked --no-fail-fast
    "$CARGO" test --locked --doc
else
    "$CARGO" test --locked --no-fail-fast
fi

after=$(leftovers)
if [ -n "$after" ] && [ "$after" != "$before" ]; then
    echo "試験がネットワーク名前空間を残しました / a test left network namespaces behind:" >&2
    echo "$after" >&2
    exit 1
fi
echo "すべての試験に通りました / all tests passed"
