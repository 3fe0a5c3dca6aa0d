## verify
verify-too-large = 比較する通信の範囲が細かく分かれすぎているため、上限内の計算では証明できません

verify-settings-table = [{ $table }] の変更: { $keys }
verify-settings-added = [{ $table }] の追加: { $names }{ $more }
verify-settings-removed = [{ $table }] の削除: { $names }{ $more }
verify-settings-changed = [{ $table }] { $names }{ $more } の変更: { $keys }
verify-settings-more = { "" } ほか { $count } 件
verify-settings-order = [allow] の並び順の変更（通信の可否は変わらず、ログに残る許可番号が変わることがあります）

verify-expect-passes = 期待「{ $name }」は拒否ですが、次のパケットが{ $through }通ります: { $packet }（{ $at }）
verify-expect-denied = 期待「{ $name }」は許可ですが、次のパケットが拒否されます: { $packet }（{ $at }）{ $through }
verify-expect-empty = 期待「{ $name }」に当てはまるパケットが一つもありません
verify-expect-unproved = 期待「{ $name }」を証明できません: { $why }
verify-expect-hint = 許可リストか [[expect]] のどちらかを直してください
verify-through-entry = 許可「{ $entry }」により
verify-through-other = 「{ $what }」により
verify-through-none = { "" }
