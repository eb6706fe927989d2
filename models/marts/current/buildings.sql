{{ current_state(topic='buildings', history=ref('buildings_history')) }}
