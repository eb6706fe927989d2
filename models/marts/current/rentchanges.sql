{{ current_state(topic='rentchanges', history=ref('rentchanges_history')) }}
