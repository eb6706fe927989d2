{{ current_state(topic='users', history=ref('users_history')) }}
