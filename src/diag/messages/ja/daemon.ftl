## daemon
