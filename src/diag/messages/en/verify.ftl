## verify
verify-too-large = the sets of flows to compare are cut so finely that they cannot be proved within the bound on work

verify-settings-table = [{ $table }] changed: { $keys }
verify-settings-added = [{ $table }] added: { $names }{ $more }
verify-settings-removed = [{ $table }] removed: { $names }{ $more }
verify-settings-changed = [{ $table }] { $names }{ $more } changed: { $keys }
verify-settings-more = { "" } and { $count } more
verify-settings-order = [allow] reordered (no verdict changes, but the entry named in the log may)

verify-expect-passes = expectation “{ $name }” is deny, but this packet passes { $through }: { $packet } ({ $at })
verify-expect-denied = expectation “{ $name }” is allow, but this packet is denied: { $packet } ({ $at }){ $through }
verify-expect-empty = no packet fits expectation “{ $name }”
verify-expect-unproved = expectation “{ $name }” cannot be proved: { $why }
verify-expect-hint = correct either the allow-list or the [[expect]]
verify-through-entry = by entry “{ $entry }”
verify-through-other = by “{ $what }”
verify-through-none = { "" }
