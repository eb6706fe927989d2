{{ current_state(topic='incomelimits', history=ref('incomelimits_history')) }}
