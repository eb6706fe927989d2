{{ current_state(topic='amenities', history=ref('amenities_history')) }}
