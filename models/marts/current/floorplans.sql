{{ current_state(topic='floorplans', history=ref('floorplans_history')) }}
