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

log-later-format = the format { $format } is not in this build yet; use text, json or csv
log-later-where = --where is not in this build yet
log-follow-format = “log follow” knows the formats text and json
log-bad-time = --{ $option }: “{ $value }” is no time; write 2026-11-01, 2026-11-01T09:00, 09:00, 2h, 30m, 7d, today or yesterday
log-bad-network = --{ $option }: “{ $value }” is neither an address nor a prefix
log-bad-mac = --{ $option }: “{ $value }” is no MAC address
log-bad-port = --{ $option }: “{ $value }” is neither a port (0-65535) nor a range
log-bad-proto = --{ $option }: “{ $value }” is no protocol; write a name such as tcp, or a number 0-255
log-bad-reason = --{ $option }: there is no reason “{ $value }”
log-bad-verdict = --{ $option }: “{ $value }” is neither allow nor deny
log-bad-not = --{ $option }: “{ $value }” is not KEY=VALUE with one of the keys from, to, src, dst, mac, host, dept, port, proto, reason, entry, verdict
log-none = no record matches
log-follow-waits = waiting for the flow log { $path }, which is not there yet
log-column-time = time
log-column-reason = reason
log-column-from = from
log-column-to = to
log-column-src = source
log-column-dst = destination
log-column-service = service
log-column-packets = packets
log-column-dept = department
log-column-entry = entry (nearest)
log-gaps = warning: the log is not complete in this range ({ $count } { $count ->
    [one] gap
   *[other] gaps
}):
log-gaps-more = … and { $count } more
log-gap = gap { $first } – { $last }: { $packets } packets, { $cause }
log-gap-unknown = gap { $first } – { $last }: number of packets not known, { $cause }
log-gap-sequence = lost between the kernel and zoned
log-gap-overrun = the receive buffer ran over
log-gap-unreadable = unreadable messages of the kernel
log-gap-foreign = another program logs into zoned's group
log-gap-overflow = more flows at once than can be held
log-gap-store = the records could not be written
log-gap-unread = the kernel's packets could not be read
log-gap-stopped = zoned did not run
log-gap-damaged = the log was damaged and set aside
log-gap-retention = deleted after the time of retention

cli-about-log = Read the log of denied flows
cli-about-log-query = Find records, newest first
cli-about-log-follow = Show records as they are written
cli-option-log-query-since = From this time on: 2026-11-01, 2026-11-01T09:00, 09:00, 2h, 30m, 7d, yesterday
cli-option-log-query-until = Up to this time; a day up to its end
cli-option-log-query-from = Source zone, or gateway
cli-option-log-query-to = Destination zone, or gateway
cli-option-log-query-src = Source address or prefix
cli-option-log-query-dst = Destination address or prefix
cli-option-log-query-mac = Source MAC address
cli-option-log-query-host = Host name of either side
cli-option-log-query-dept = Department of either side
cli-option-log-query-port = Destination port or range
cli-option-log-query-proto = Protocol, by name or number
cli-option-log-query-reason = Reason of the verdict, such as no-allow-entry
cli-option-log-query-entry = Id of the entry that allowed the flow
cli-option-log-query-verdict = allow or deny
cli-option-log-query-not = Leave out what meets KEY=VALUE, KEY being an option above; may be repeated
cli-option-log-query-limit = At most N records
cli-option-log-follow-since = From this time on: 2026-11-01, 2026-11-01T09:00, 09:00, 2h, 30m, 7d, yesterday
cli-option-log-follow-from = Source zone, or gateway
cli-option-log-follow-to = Destination zone, or gateway
cli-option-log-follow-src = Source address or prefix
cli-option-log-follow-dst = Destination address or prefix
cli-option-log-follow-mac = Source MAC address
cli-option-log-follow-host = Host name of either side
cli-option-log-follow-dept = Department of either side
cli-option-log-follow-port = Destination port or range
cli-option-log-follow-proto = Protocol, by name or number
cli-option-log-follow-reason = Reason of the verdict, such as no-allow-entry
cli-option-log-follow-entry = Id of the entry that allowed the flow
cli-option-log-follow-verdict = allow or deny
cli-option-log-follow-not = Leave out what meets KEY=VALUE, KEY being an option above; may be repeated
