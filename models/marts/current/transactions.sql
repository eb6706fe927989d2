{{ current_state(topic='transactions', history=ref('transactions_history')) }}
