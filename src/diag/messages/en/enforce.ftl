## enforce
enforce-nft-missing = { $program } was not found. Install nftables (apt install nftables).
enforce-nft-refused = nft refused the ruleset: { $words }
enforce-nft-timeout = nft did not end within { $seconds } s and was stopped.
enforce-nft-failed = nft could not be run: { $cause }
enforce-nft-namespace = No throw-away network namespace could be made to check in (unverified): { $cause }
enforce-revoke-table = Open flows could not all be checked: { $cause }. The new rules are in force for new flows; flows opened before may live on.
enforce-revoke-cut = Denied flows are cut, but their temporary block could not be removed: { $cause }. The next apply removes it.
enforce-revoke-unsettled = Denied flows were still found after { $passes } passes; some may live on.
enforce-revoked = Open flows cut: { $cut } of { $judged } (interface or MAC not known: { $uncertain }; entries not readable: { $unreadable }).
enforce-lockout-own = your own connection from { $remote } to { $local } would be cut: { $reason }
enforce-lockout-uncertain = your own connection from { $remote } to { $local } would be cut: its MAC or interface is not known ({ $reason })
enforce-lockout-management = the management connection { $line } of the policy in force would be dropped
enforce-lockout-unknown = it could not be told whether your own connection would be cut: { $cause }
enforce-lockout-hint = keep it in [gateway] management, or pass --allow-lockout to zonectl apply if you have another way in
