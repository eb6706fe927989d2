{{ current_state(topic='customers', history=ref('customers_history')) }}
