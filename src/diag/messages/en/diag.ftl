## diag
diag-error = error
diag-warning = warning
diag-info = info
diag-note = note
diag-hint = help
diag-waived = { $message } (waived)
diag-clause = clause: { $clause }
diag-more-findings = and { $count } more
diag-too-many-findings = more than { $limit } findings: further errors are left out
