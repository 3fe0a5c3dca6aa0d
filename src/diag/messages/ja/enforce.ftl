## enforce
enforce-nft-missing = { $program } が見つかりません。nftables を導入してください（apt install nftables）。
enforce-nft-refused = nft がルールセットを拒否しました: { $words }
enforce-nft-timeout = nft が { $seconds } 秒以内に終わらなかったため中止しました。
enforce-nft-failed = nft の実行に失敗しました: { $cause }
enforce-nft-namespace = 検査用の使い捨てネットワーク名前空間を作れません（未検証）: { $cause }
