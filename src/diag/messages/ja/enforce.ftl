## enforce
enforce-nft-missing = { $program } が見つかりません。nftables を導入してください（apt install nftables）。
enforce-nft-refused = nft がルールセットを拒否しました: { $words }
enforce-nft-timeout = nft が { $seconds } 秒以内に終わらなかったため中止しました。
enforce-nft-failed = nft の実行に失敗しました: { $cause }
enforce-nft-namespace = 検査用の使い捨てネットワーク名前空間を作れません（未検証）: { $cause }
enforce-revoke-table = 開いている通信をすべては確認できませんでした: { $cause }。新しい規則は新規の通信に適用済みですが、以前からの通信が残っている可能性があります。
enforce-revoke-cut = 拒否された通信は遮断しましたが、一時的な遮断規則を取り除けませんでした: { $cause }。次の適用時に取り除きます。
enforce-revoke-unsettled = { $passes } 回確認しても拒否すべき通信が残っていました。一部が続いている可能性があります。
enforce-revoked = 開いている通信 { $judged } 件のうち { $cut } 件を遮断しました（インターフェースまたは MAC が不明: { $uncertain } 件、読めなかった項目: { $unreadable } 件）。
enforce-lockout-own = 操作しているあなた自身の接続({ $remote } → { $local })が切れます: { $reason }
enforce-lockout-uncertain = 操作しているあなた自身の接続({ $remote } → { $local })が切れます: MAC アドレスかインターフェースが分かりません({ $reason })
enforce-lockout-management = 適用中の設定にある管理用の接続 { $line } がなくなります
enforce-lockout-unknown = 操作しているあなた自身の接続が切れるかどうかを調べられませんでした: { $cause }
enforce-lockout-hint = [gateway] の management に残してください。ほかに入る手段があるなら zonectl apply に --allow-lockout を付けます
