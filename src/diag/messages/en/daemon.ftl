## daemon
daemon-revision-io = {$path}: {$error}
daemon-revision-damaged = revision {$number} is damaged: {$file}
daemon-revision-pointer = the pointer to the active revision is damaged: {$path}
daemon-revision-unknown = there is no revision {$number}
