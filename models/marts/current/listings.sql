{{ current_state(topic='listings', history=ref('listings_history')) }}
