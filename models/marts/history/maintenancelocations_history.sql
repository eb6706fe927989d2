{{ history(topic='maintenancelocations', changes=ref('maintenancelocations_changes')) }}
