## enforce
enforce-nft-missing = { $program } was not found. Install nftables (apt install nftables).
enforce-nft-refused = nft refused the ruleset: { $words }
enforce-nft-timeout = nft did not end within { $seconds } s and was stopped.
enforce-nft-failed = nft could not be run: { $cause }
enforce-nft-namespace = No throw-away network namespace could be made to check in (unverified): { $cause }
