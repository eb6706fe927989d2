{{ current_state(topic='maintenancelocations', history=ref('maintenancelocations_history')) }}
