#!/bin/sh
# Runs every test, those in network namespaces too: `sudo sh tests/run.sh`.
set -eu
cd "$(dirname "$0")/.."
. tests/prepare.sh

require_root
need nft=nftables ip=iproute2 conntrack=conntrack unshare=util-linux nc=netcat-openbsd
find_cargo
trap give_back EXIT

# Tests that need root or the kernel fail then instead of stepping aside.
export CI=true

before=$(ip netns list | sort)
if "$CARGO" nextest --version >/dev/null 2>&1; then
    "$CARGO" nextest run --locked --no-fail-fast
    "$CARGO" test --locked --doc
else
    "$CARGO" test --locked --no-fail-fast
fi

after=$(ip netns list | sort)
if [ "$before" != "$after" ]; then
    echo "試験がネットワーク名前空間を残しました / a test left network namespaces behind:" >&2
    echo "$after" >&2
    exit 1
fi
echo "すべての試験に通りました / all tests passed"
