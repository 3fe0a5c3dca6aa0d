## verify
verify-too-large = 比較する通信の範囲が細かく分かれすぎているため、上限内の計算では証明できません
