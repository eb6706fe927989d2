{{ current_state(topic='balances', history=ref('balances_history')) }}
