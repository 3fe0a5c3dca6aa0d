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
cli-option-state = Folder of the state (revisions, denied-flow log; default /var/lib/zoned)
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
