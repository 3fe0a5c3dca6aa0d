## log
log-nflog-busy = NFLOG group { $group } is held by another program (netlink port { $port }, most often its process id)
log-nflog-permission = reading logged packets needs CAP_NET_ADMIN
log-nflog-unsupported = the kernel has no NFLOG (module nfnetlink_log)
log-nflog-io = logged packets cannot be read: { $error }
log-store-missing = there is no flow log at { $path }: nothing was recorded yet, or --state names another place
log-store-newer = { $path } was written by a newer version (schema { $found }; this one knows up to { $known })
log-store-damaged = { $path } is damaged or not a flow log: { $error }
log-store-locked = { $path } is being written by another zoned
log-store-failed = { $path } cannot be used: { $error }
