"""The ledger's rules, pure: balances, movements, chained entries, transfers, locks and reconciliation."""
