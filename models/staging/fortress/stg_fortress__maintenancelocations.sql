{{ typed_rows(topic='maintenancelocations', relation=source('fortress', 'maintenancelocations')) }}
