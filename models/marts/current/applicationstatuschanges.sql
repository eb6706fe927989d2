{{ current_state(topic='applicationstatuschanges', history=ref('applicationstatuschanges_history')) }}
