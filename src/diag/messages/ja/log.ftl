## log
log-nflog-busy = NFLOG グループ { $group } は別のプログラムが使用中です(netlink ポート { $port }、多くはそのプロセス番号)
log-nflog-permission = 記録パケットを読むには CAP_NET_ADMIN 権限が必要です
log-nflog-unsupported = カーネルに NFLOG がありません(nfnetlink_log モジュール)
log-nflog-io = 記録パケットを読めません: { $error }
log-store-missing = { $path } に通信記録がありません(まだ何も記録されていないか、--state の指定先が違います)
log-store-newer = { $path } は新しい版で書かれています(スキーマ { $found }、この版が読めるのは { $known } まで)
log-store-damaged = { $path } は壊れているか、通信記録ではありません: { $error }
log-store-locked = { $path } には別の zoned が書き込み中です
log-store-failed = { $path } を使えません: { $error }
