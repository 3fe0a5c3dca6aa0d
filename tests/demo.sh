#!/bin/sh
# 海辺町(config/examples/alpha-town)の縮図を、この機械のネットワーク名前空間の
# 中に作り、本物の zoned に守らせて見せる: sudo sh tests/demo.sh
#
# A small 海辺町 in network namespaces, guarded by the real zoned. Every step is
# checked; the exit code is 1 if one does not hold. Nothing is left behind, and
# the machine's own network is not touched.
set -eu
cd "$(dirname "$0")/.."
. tests/prepare.sh

require_root
need nft=nftables ip=iproute2 nc=netcat-openbsd unshare=util-linux timeout=coreutils
find_cargo

echo "zoned を作ります / building (初回は数分かかります)"
"$CARGO" build --locked --quiet --bins
BIN=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)

# ---- 後始末 -------------------------------------------------------------------

ID=zd$$
WORK=$(mktemp -d "/tmp/zoned-demo.XXXXXX")
PIDS=
HOSTS="gw switch shinsei juki renkei soumu vdi lgwan mfp outside"

clean_up() {
    status=$?
    trap - EXIT INT TERM HUP
    for pid in $PIDS; do
        kill -9 "$pid" 2>/dev/null || true
    done
    for host in $HOSTS; do
        ip netns del "$ID-$host" 2>/dev/null || true
    done
    rm -rf "$WORK"
    give_back
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# ---- 道具 ---------------------------------------------------------------------

say() { printf '\n■ %s\n' "$*"; }

fail() {
    printf '  [NG] %s\n' "$*"
    if [ -s "$WORK/zoned.log" ]; then
        echo "  ---- zoned の記録(末尾) ----"
        tail -n 20 "$WORK/zoned.log"
    fi
    exit 1
}

# hold 説明 コマンド...: コマンドが成功すれば OK
hold() {
    words=$1
    shift
    if "$@" >"$WORK/out" 2>&1; then
        printf '  [OK] %s\n' "$words"
    else
        cat "$WORK/out"
        fail "$words"
    fi
}

inside() {
    host=$1
    shift
    ip netns exec "$ID-$host" "$@"
}

# 接続を1回試みる。inside は関数なので timeout には渡せない。
connect() { ip netns exec "$ID-$1" timeout "${4:-1}" nc -n -z -w 1 "$2" "$3" >/dev/null 2>&1; }
passes() { connect "$@"; }
stays_shut() { ! connect "$@"; }

listen() {
    ip netns exec "$ID-$1" nc -n -l -k "$2" >/dev/null 2>&1 &
    PIDS="$PIDS $!"
}

zonectl() { "$BIN/zonectl" --lang ja --config "$WORK/etc" --state "$WORK/state" --run "$WORK/run" "$@"; }

# within 秒 コマンド...: その秒数のうちに成功すれば OK
within() {
    limit=$1
    shift
    began=$(date +%s%N)
    while ! "$@" >/dev/null 2>&1; do
        [ $((($(date +%s%N) - began) / 1000000)) -lt $((limit * 1000)) ] || return 1
        sleep 0.05
    done
    ELAPSED=$((($(date +%s%N) - began) / 1000000))
}

enforces() { zonectl --format json status | grep -q '"in_force":"policy"'; }

start_zoned() {
    ip netns exec "$ID-gw" "$BIN/zoned" --config "$WORK/etc" --state "$WORK/state" --run "$WORK/run" \
        >>"$WORK/zoned.log" 2>&1 &
    ZONED=$!
    PIDS="$PIDS $ZONED"
    within 20 enforces || fail "zoned が応答しません"
}

# ---- 町の配線 -----------------------------------------------------------------

# wire 領域番号 ゲートウェイのアドレス
wire() {
    ip -n "$ID-switch" link add "br$1" type bridge
    ip -n "$ID-switch" link set "br$1" up
    ip -n "$ID-switch" link add "up$1" type veth peer name "eth$1" netns "$ID-gw"
    ip -n "$ID-switch" link set "up$1" master "br$1" up
    ip -n "$ID-gw" address add "$2" dev "eth$1"
    ip -n "$ID-gw" link set "eth$1" up
}

# place 名前 領域番号 アドレス ゲートウェイ [MAC]
place() {
    ip -n "$ID-switch" link add "$1" type veth peer name eth0 netns "$ID-$1"
    ip -n "$ID-switch" link set "$1" master "br$2" up
    [ -z "${5:-}" ] || ip -n "$ID-$1" link set eth0 address "$5"
    ip -n "$ID-$1" address add "$3" dev eth0
    ip -n "$ID-$1" link set lo up
    ip -n "$ID-$1" link set eth0 up
    ip -n "$ID-$1" route add default via "$4"
}

say "海辺町の縮図を作る(名前空間 $ID-*)"
for host in $HOSTS; do
    ip netns add "$ID-$host"
done
inside gw sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip -n "$ID-gw" link set lo up
wire 1 10.10.0.1/24
wire 2 10.20.0.1/22
wire 3 10.30.0.1/24
wire 4 192.0.2.1/29
wire 5 10.40.0.1/26
wire 6 198.51.100.2/30
wire 9 10.90.0.1/28
ip -n "$ID-gw" route add default via 198.51.100.1
place shinsei 1 10.10.0.20/24 10.10.0.1 00:00:5e:00:53:20
place juki 1 10.10.0.10/24 10.10.0.1 00:00:5e:00:53:10
place renkei 2 10.20.0.50/22 10.20.0.1 00:00:5e:00:53:50
place soumu 2 10.20.0.101/22 10.20.0.1 00:00:5e:00:53:b1
place vdi 3 10.30.0.11/24 10.30.0.1
place lgwan 4 192.0.2.4/29 192.0.2.1
place mfp 5 10.40.0.11/26 10.40.0.1 00:00:5e:00:53:d1
place outside 6 198.51.100.1/30 198.51.100.2
ip -n "$ID-outside" address add 203.0.113.9/32 dev eth0
cat <<'PICTURE'
    番号系  shinsei, juki ── eth1 ┐
    LGWAN系 renkei, soumu-1 ─ eth2 ┤         ┌ eth4 ── LGWAN
    INET系  vdi ──────────── eth3 ┼ gw(zoned)┤
    複合機  mfp-1 ─────────── eth5 ┘         └ eth6 ── セキュリティクラウド
PICTURE
listen renkei 443
listen juki 443
listen vdi 22443
listen vdi 9427
listen soumu 443
listen lgwan 443
listen mfp 9100
listen outside 443

cp -R config/examples/alpha-town "$WORK/etc"

# ---- 1. 守りのないゲートウェイ --------------------------------------------------

say "zoned を動かす前: 何でも通る(試験の配線が正しいことの確認)"
within 5 passes shinsei 10.20.0.50 443 || fail "配線に誤りがあります"
hold "連携サーバ → 住基サーバ:443 が通ってしまう" passes renkei 10.10.0.10 443

# ---- 2. 事前検証 -----------------------------------------------------------------

say "事前検証: zonectl verify"
code=0
zonectl verify >"$WORK/verify" 2>&1 || code=$?
sed -n '1,12p' "$WORK/verify"
echo "    …"
hold "設定は適合している(終了コード 3: 通信の可否が変わる)" test "$code" -eq 3

# ---- 3. 反映 ---------------------------------------------------------------------

say "zoned を起動する"
start_zoned
hold "応答する(zonectl status)" zonectl status

say "許可リストにある通信"
hold "申請管理 → 連携サーバ:443 は通る(MN-001)" passes shinsei 10.20.0.50 443
hold "連携サーバ → LGWAN 192.0.2.4:443 は通る(LG-001)" passes renkei 192.0.2.4 443
hold "総務課の端末 → 仮想デスクトップ:22443 は通る(LI-001)" passes soumu 10.30.0.11 22443

say "許可リストにない通信"
hold "連携サーバ → 住基サーバ:443 は通らない" stays_shut renkei 10.10.0.10 443
hold "総務課の端末 → 仮想デスクトップ:9427(ドライブ転送)は通らない" stays_shut soumu 10.30.0.11 9427
hold "仮想デスクトップ → 総務課の端末:443 は通らない" stays_shut vdi 10.20.0.101 443
hold "総務課の端末 → インターネット 203.0.113.9:443 は通らない" stays_shut soumu 203.0.113.9 443
hold "住基サーバ → 連携サーバ:443 は通らない" stays_shut juki 10.20.0.50 443

say "申請管理の IP を名乗る別の機器(MAC アドレスが違う)"
ip -n "$ID-shinsei" link set eth0 down
ip -n "$ID-shinsei" link set eth0 address 00:00:5e:00:53:99 up
ip -n "$ID-shinsei" route replace default via 10.10.0.1
ip -n "$ID-gw" neighbour flush dev eth1
hold "申請管理を名乗る機器 → 連携サーバ:443 は通らない" stays_shut shinsei 10.20.0.50 443
ip -n "$ID-shinsei" link set eth0 down
ip -n "$ID-shinsei" link set eth0 address 00:00:5e:00:53:20 up
ip -n "$ID-shinsei" route replace default via 10.10.0.1
ip -n "$ID-gw" neighbour flush dev eth1
within 5 passes shinsei 10.20.0.50 443 || fail "元の機器に戻したのに通りません"
hold "元の機器に戻すと通る" passes shinsei 10.20.0.50 443

say "なぜ通らないかを尋ねる: zonectl trace"
zonectl trace --in eth2 --out eth1 --mac 00:00:5e:00:53:50 \
    --src 10.20.0.50 --dst 10.10.0.10 --proto tcp --sport 40000 --dport 443 | sed 's/^/    /'

# ---- 4. 保存するだけで反映 ---------------------------------------------------------

say "policy.d にファイルを1つ置く(再読込みの命令はしない)"
hold "総務課の端末 → 複合機:9100 はまだ通らない" stays_shut soumu 10.40.0.11 9100
LINE='allow = [{ id = "LP-001", title = "印刷", from = "lgwan:soumu-1", to = "mfp:mfp-1", services = "print", approval = "R8-031" }]'
echo "    $LINE"
echo "$LINE" >"$WORK/etc/policy.d/50-print.toml"
within 1 passes soumu 10.40.0.11 9100 0.3 || fail "1秒のうちに開きません"
printf '  [OK] %s\n' "通るようになった(保存から ${ELAPSED} ミリ秒)"
hold "ほかの通信は閉じたまま" stays_shut soumu 10.30.0.11 9427

# ---- 5. 壊れたファイル -------------------------------------------------------------

say "壊れたファイルを置く(存在しない端末を指す許可)"
echo 'allow = [{ id = "NG-001", from = "lgwan:dare-1", to = "mynumber:juki", services = "https", approval = "R8-031" }]' \
    >"$WORK/etc/policy.d/60-broken.toml"
told() { zonectl status | grep -q "60-broken.toml"; }
within 5 told || { zonectl status; fail "status が理由を示しません"; }
zonectl status | grep -A 1 '^問題' | sed 's/^/    /'
printf '  [OK] %s\n' "zonectl status が、どのファイルのどこが誤りかを示す"
hold "通っていた通信は通る" passes soumu 10.40.0.11 9100
hold "閉じていた通信は閉じたまま" stays_shut renkei 10.10.0.10 443
rm "$WORK/etc/policy.d/60-broken.toml"
rm "$WORK/etc/policy.d/50-print.toml"
within 3 stays_shut soumu 10.40.0.11 9100 0.3 || fail "許可を消したのに通ります"
printf '  [OK] %s\n' "許可を消すと閉じる"

# ---- 6. zoned が落ちても ------------------------------------------------------------

say "通信の最中に zoned を kill -9 する"
mkfifo "$WORK/pipe"
ip netns exec "$ID-lgwan" nc -n -l 8443 >"$WORK/received" 2>/dev/null &
PIDS="$PIDS $!"
echo 'allow = [{ id = "LG-901", title = "試験", from = "lgwan:renkei", to = "lgwan-net:lgwan-shinsei", services = ["tcp/8443", "tcp/8444"], approval = "R8-021" }]' \
    >"$WORK/etc/policy.d/51-long.toml"
listen lgwan 8444
within 3 passes renkei 192.0.2.4 8444 0.3 || fail "許可が効きません"
ip netns exec "$ID-renkei" nc -n 192.0.2.4 8443 <"$WORK/pipe" >/dev/null 2>&1 &
PIDS="$PIDS $!"
exec 3>"$WORK/pipe"
arrived() { grep -q "$1" "$WORK/received"; }
echo before >&3
within 3 arrived before || fail "長い接続が張れません"
kill -9 "$ZONED"
wait "$ZONED" 2>/dev/null || true
echo after >&3
within 3 arrived after || fail "zoned が落ちると、開いていた通信が止まりました"
printf '  [OK] %s\n' "開いていた通信は続く"
hold "許可された新しい通信も通る" passes shinsei 10.20.0.50 443
hold "許可のない通信は閉じたまま" stays_shut renkei 10.10.0.10 443
if zonectl status >/dev/null 2>&1; then fail "zoned が落ちたのに status が 0 を返します"; fi
printf '  [OK] %s\n' "zonectl status は失敗を返す"
exec 3>&-
start_zoned
printf '  [OK] %s\n' "zoned を起動し直した"

# ---- 7. 拒否ログ ---------------------------------------------------------------------

say "拒否した通信の記録: zonectl log query"
zonectl log query --limit 8 | sed 's/^/    /'
recorded() {
    zonectl --format json log query --src 10.20.0.50 --dst 10.10.0.10 >"$WORK/log"
    grep -q '"src_host":"renkei"' "$WORK/log" && grep -q '"dst_host":"juki"' "$WORK/log" &&
        grep -q '"from_zone":"lgwan"' "$WORK/log" && grep -q '"to_zone":"mynumber"' "$WORK/log" &&
        grep -q '"reason":"no-allow-entry"' "$WORK/log"
}
within 5 recorded || { cat "$WORK/log"; fail "記録がありません"; }
printf '  [OK] %s\n' "端末名、領域、理由とともに残っている(renkei → juki, no-allow-entry)"

say "すべて示しました。後始末をします"
