## cli
cli-error = error
cli-hint = hint
cli-help-usage = Usage:
cli-help-arguments = Arguments:
cli-help-commands = Commands:
cli-help-options = Options:
cli-help-exit = Exit codes: 0 done / 1 refused or failed / 2 wrong usage / 3 (verify and diff only) valid, and what passes changes

cli-about = Operate zoned, the network zone enforcer for Japanese local governments
cli-about-completions = Print a shell completion script
cli-option-config = The configuration: a file, or a folder with zoned.toml (default /etc/zoned)
cli-option-run = Folder of the control socket (default /run/zoned)
cli-option-state = Folder of the state (revisions, denied-flow log; default /var/lib/zoned); for trace also the connection's state: new (default), established, invalid
cli-option-format = Output: text (default) or json (log query also: csv, csv-excel, cef)
cli-option-lang = Language of the output, ja or en; default from the locale
cli-option-color = Whether to use colours: auto (default: on a terminal), always, never
cli-option-at = The moment to judge at: local time of the organisation (2026-11-15T02:01) or RFC 3339; default now
cli-option-help = Print help
cli-option-version = Print the version
cli-option-completions-shell = Name of the shell: bash, zsh, fish, elvish, powershell

cli-later-command = “{ $command }” is not in this build yet
cli-later-option = { $option } of “{ $command }” is not in this build yet
cli-format-only-log = only “log query” knows this format; use text or json
cli-bad-time = the time { $value } is out of range
cli-output-failed = cannot write the output: { $error }
cli-usage-hint = usage: { $usage }
cli-unknown-argument = there is no argument { $argument }
cli-unknown-argument-near = there is no argument { $argument }; did you mean { $near }?
cli-unknown-command = there is no command “{ $command }”
cli-unknown-command-near = there is no command “{ $command }”; did you mean “{ $near }”?
cli-missing-argument = missing argument: { $argument }
cli-missing-command = a command is needed
cli-missing-value = { $argument } needs a value
cli-bad-value = bad value “{ $value }” for { $argument }
cli-bad-value-of = “{ $value }” is no value for { $argument }; it is one of: { $valid }
cli-conflict = { $argument } cannot be combined with { $other }
cli-twice = { $argument } is given twice
cli-wrong-usage = wrong usage ({ $error })

cli-invalid = the configuration { $path } is invalid: { $counts }
cli-no-policy = cannot read the configuration { $path }
cli-counts = { $errors ->
    [one] 1 error
   *[other] { $errors } errors
}, { $warnings ->
    [one] 1 warning
   *[other] { $warnings } warnings
}, { $notes ->
    [one] 1 note
   *[other] { $notes } notes
}
cli-no-active = nothing has been applied yet ({ $state } has no record)
cli-state-needs-root = only root may read the state folder; use sudo

cli-about-compile = Print the nftables ruleset that would go into the kernel (json: libnftables form)
cli-about-history = Who applied what, and when, newest first
cli-option-history-count = The newest N only; default all
cli-history-empty = nothing has been applied yet
cli-history-number = revision
cli-history-time = time
cli-history-who = by
cli-history-result = result
cli-history-changes = changes
cli-history-digest = digest
cli-history-comment = comment
cli-who-file = file change
cli-who-start = start
cli-who-signal = SIGHUP
cli-result-prepared = not applied
cli-result-applied = applied
cli-changes = { $opened } opened / { $closed } closed

cli-about-verify = Dry run: whether the configuration is valid, and which flows it opens and closes
cli-option-verify-against = What to compare with: active (default), none, a path, or a revision's number
cli-about-diff = The difference between two configurations, as flows opened and closed
cli-option-diff-old = Before: a revision's number, active, or a path
cli-option-diff-new = After; default the configuration of --config
cli-nft-check = check by nft: { $cause }
cli-no-runtime = cannot start working: { $error }
cli-against-forbidden = not compared with what is active: the state folder cannot be read (use sudo)
cli-against-hint = use --against none to check without comparing
cli-against-active = what is active
cli-against-none = nothing (every flow is shown as new)
cli-verify-config = configuration: { $value } is valid
cli-verify-digest = digest: { $value }
cli-verify-against = compared with: { $value }
cli-verify-at = judged from: { $value } on
cli-verify-expectations = expectations: { $count ->
    [one] 1 is proved
   *[other] all { $count } are proved
}
cli-verify-no-expectations = expectations: none ([[expect]] is not used)
cli-verify-changed = Applying it changes what passes.
cli-verify-unchanged = What passes does not change.
cli-diff-title = from { $a } to { $b }
cli-opened = opens: { $count ->
    [one] 1 flow
   *[other] { $count } flows
}
cli-closed = closes: { $count ->
    [one] 1 flow
   *[other] { $count } flows
}
cli-settings = other changes:
cli-flows-more = and { $count } more (json shows all)
cli-flows-output = { $count ->
    [one] 1 of them is
   *[other] { $count } of them are
} the gateway's own traffic ([gateway] output; json shows them)
cli-flow-zones = zones
cli-flow-entries = entries
cli-flow-from = from
cli-flow-to = to
cli-flow-services = services
cli-flow-witness = example packet
cli-flow-since = from { $time }
cli-flow-until = until { $time }
cli-flow-recurs = and again at later times

cli-about-checks = List the checks, or explain one: what, why, how to mend it
cli-option-checks-code = the code of a check (Z101)
cli-no-check = there is no check "{ $code }"; `zonectl checks` lists them
cli-about-schema = Print the JSON Schema of the configuration

cli-about-matrix = Zone by zone, what is open and through which entries
cli-matrix-corner = from \ to
cli-matrix-legend = number: entries in force  =: allowed inside the zone  m: management  *: the gateway's own traffic is allowed  -: nothing passes
cli-matrix-empty = there is no entry
cli-matrix-zones = zones
cli-matrix-entry = entry
cli-matrix-services = services
cli-matrix-status = status
cli-matrix-title = title
cli-status-active = in force
cli-status-outside = outside its time (or not yet)
cli-status-expired = expired
cli-about-trace = What becomes of one packet, and why (nothing is sent)
cli-option-trace-input = Interface it comes in by; without it the gateway itself sends
cli-option-trace-output = Interface it goes out by; without it it is for the gateway itself
cli-option-trace-from_zone = Instead of --in: source zone (its first interface), or gateway
cli-option-trace-to_zone = Instead of --out: destination zone, or gateway
cli-option-trace-mac = Source MAC
cli-option-trace-src = Source address
cli-option-trace-dst = Destination address
cli-option-trace-proto = Protocol, by name or number (default tcp)
cli-option-trace-sport = Source port
cli-option-trace-dport = Destination port
cli-option-trace-icmp_type = ICMP type
cli-option-trace-icmp_code = ICMP code
cli-trace-families = one address is IPv4 and the other IPv6
cli-trace-no-interface = give --in or --out (or --from-zone, --to-zone)
cli-trace-no-zone = there is no zone “{ $zone }”
cli-trace-passes = passes: { $why } ({ $reason })
cli-trace-denied = denied: { $why } ({ $reason })
cli-trace-entry = deciding entry: { $entry }
cli-trace-from = from: { $end }
cli-trace-to = to: { $end }
cli-trace-nearest = nearest entry: { $entry }
cli-trace-differs = differs from it in: { $list }
cli-trace-declared = declared: { $declared }; seen: { $seen }
cli-trace-opens = opens next: { $time }
cli-trace-nothing = nothing
cli-trace-no-mac = no MAC was given, so no entry that asks for one matches
cli-trace-no-port = no destination port was given, so no entry that asks for one matches
cli-trace-unknown-zone = of no zone
cli-list-comma = {", "}
cli-reason-allowed = the allow-list has it
cli-reason-intra-zone = it stays inside a zone that allows that
cli-reason-management = it is management
cli-reason-established = it belongs to an open flow
cli-reason-output = it is the gateway's own
cli-reason-isolated = isolated
cli-reason-invalid = invalid connection state
cli-reason-unknown-zone = the interface or the destination is of no zone
cli-reason-spoofed-source = the source address is of no zone on that interface
cli-reason-mac-mismatch = a declared address with another MAC
cli-reason-ip-mismatch = a declared MAC with another address
cli-reason-foreign-device = a device that is not declared
cli-reason-rate-exceeded = beyond the entry's rate
cli-reason-outside-window = an entry matches, but not at this time (or not yet)
cli-reason-expired = an entry matched, but has expired
cli-reason-no-allow-entry = no entry matches
cli-differs-from-zone = source zone
cli-differs-src = source address
cli-differs-mac = source MAC
cli-differs-to-zone = destination zone
cli-differs-dst = destination address
cli-differs-proto = protocol
cli-differs-dport = destination port
cli-differs-icmp-type = ICMP type
cli-differs-time = time
cli-differs-state = connection state

cli-about-apply = Read the configuration anew and apply it (done by the daemon)
cli-option-apply-digest = Apply only a configuration with this digest
cli-option-apply-comment = Why, for the record
cli-apply-done = applied: revision { $revision }, { $digest }
cli-apply-unchanged = in force already: revision { $revision }, { $digest }
cli-apply-pending = waits to be applied: { $digest }
cli-daemon-start = to start it: systemctl start zoned
cli-daemon-permission = only root and the group zoned may use the control socket
cli-about-status = How the daemon stands (exit code 0 only when it answers)
cli-status-version = zoned: { $value }
cli-status-summary = state: { $value }
cli-status-config = configuration: { $value }
cli-status-digest = digest: { $value }
cli-status-revision = revision: { $value }
cli-status-generation = generation: { $value }
cli-status-applied = applied at: { $value }
cli-status-mode = reload mode: { $value }
cli-status-pending = waits to be applied: { $value }
cli-status-next = next change at: { $value }
cli-status-when = next
cli-status-what = what
cli-status-change = change
cli-status-kind-entry = entry
cli-status-kind-approval = approval
cli-status-kind-host = host
cli-status-begins = begins
cli-status-ends = window ends
cli-status-expires = expires
cli-status-error = trouble: { $message }
cli-status-zone = zone
cli-status-label = label
cli-status-interfaces = interfaces
cli-status-absent = { $name } (absent)
cli-status-denied = denied because
cli-status-packets = packets
cli-status-bytes = bytes
cli-status-none-denied = no packet was denied
cli-status-no-counters = the counters cannot be read: { $error }
cli-status-log = denied-flow log: { $records } records, { $packets } packets, { $lost } packets not recorded
cli-status-log-error = trouble with the denied-flow log: { $error }
cli-option-verify-host = Also look at this machine: would your own connection or the management be cut (Z306)? To be run on the gateway
cli-option-apply-allow_lockout = Apply even if your own connection or the management is cut (Z306)
cli-verify-host = this machine: connections of your own and management looked at (Z306); not looked at (unverified): { $rest }
cli-verify-management-forbidden = The policy in force cannot be read by this user: whether its management is dropped is unverified.
cli-about-usage = shows for each entry its flows, packets, bytes and last use, and what is unused
cli-usage-entry = entry
cli-usage-flows = flows
cli-usage-open = open
cli-usage-packets = packets
cli-usage-bytes = bytes
cli-usage-last = last used
cli-usage-title = title
cli-usage-unused = unused
cli-usage-no-entry = there is no entry
cli-usage-since = counted since { $time }
cli-usage-opening = packets and bytes are those of the packets that opened flows only (nf_conntrack_acct cannot be switched on)
cli-usage-unmeasured = flows that opened before counting began, not in packets and bytes: { $flows }
cli-usage-gap = flows that ended from { $from } to { $to } are not in packets and bytes (the daemon was away; they are in the flows)
cli-usage-overruns = some ends of flows were missed ({ $times } times); those flows are not in packets and bytes
cli-usage-error = trouble: { $error }
