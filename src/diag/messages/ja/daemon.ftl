## daemon
daemon-revision-io = {$path}: {$error}
daemon-revision-damaged = リビジョン {$number} が壊れています: {$file}
daemon-revision-pointer = 適用中のリビジョンを示すファイルが壊れています: {$path}
daemon-revision-unknown = リビジョン {$number} はありません
