## diag
