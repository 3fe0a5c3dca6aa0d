## log
log-nflog-busy = NFLOG グループ { $group } は別のプログラムが使用中です(netlink ポート { $port }、多くはそのプロセス番号)
log-nflog-permission = 記録パケットを読むには CAP_NET_ADMIN 権限が必要です
log-nflog-unsupported = カーネルに NFLOG がありません(nfnetlink_log モジュール)
log-nflog-io = 記録パケットを読めません: { $error }
