{{ history(topic='transactions', changes=ref('transactions_changes')) }}
