{{ history(topic='maintenanceissues', changes=ref('maintenanceissues_changes')) }}
