## daemon
daemon-revision-io = {$path}: {$error}
daemon-revision-damaged = リビジョン {$number} が壊れています: {$file}
daemon-revision-pointer = 適用中のリビジョンを示すファイルが壊れています: {$path}
daemon-revision-unknown = リビジョン {$number} はありません
daemon-bad-request = 要求を解釈できません: {$error}
daemon-unknown-command = 「{$command}」という命令はありません（使える命令: {$known}）
daemon-call-not-running = zoned が動いていません（{$path} で待ち受けがありません）
daemon-call-io = {$path} の zoned から応答がありません: {$error}
daemon-call-garbled = {$path} から届いたものは zoned の応答ではありません
daemon-call-refused = {$message}
