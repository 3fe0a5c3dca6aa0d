## log
log-nflog-busy = NFLOG group { $group } is held by another program (netlink port { $port }, most often its process id)
log-nflog-permission = reading logged packets needs CAP_NET_ADMIN
log-nflog-unsupported = the kernel has no NFLOG (module nfnetlink_log)
log-nflog-io = logged packets cannot be read: { $error }
