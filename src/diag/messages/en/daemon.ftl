## daemon
daemon-revision-io = {$path}: {$error}
daemon-revision-damaged = revision {$number} is damaged: {$file}
daemon-revision-pointer = the pointer to the active revision is damaged: {$path}
daemon-revision-unknown = there is no revision {$number}
daemon-bad-request = the request is not understood: {$error}
daemon-unknown-command = unknown command “{$command}” (known: {$known})
daemon-call-not-running = zoned is not running (nobody listens on {$path})
daemon-call-io = no answer from zoned on {$path}: {$error}
daemon-call-garbled = what came from {$path} is not an answer of zoned
daemon-call-refused = {$message}
