{{ history(topic='balances', changes=ref('balances_changes')) }}
