{{ current_state(topic='maintenanceissues', history=ref('maintenanceissues_history')) }}
