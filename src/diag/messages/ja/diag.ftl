## diag
diag-error = エラー
diag-warning = 警告
diag-info = 情報
diag-note = 補足
diag-hint = ヒント
diag-waived = { $message }（許容済み）
diag-clause = 根拠：{ $clause }
diag-more-findings = このほかに { $count } 件あります
diag-too-many-findings = 指摘が { $limit } 件を超えたため、以降のエラーは省略しました
