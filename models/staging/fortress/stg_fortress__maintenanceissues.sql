{{ typed_rows(topic='maintenanceissues', relation=source('fortress', 'maintenanceissues')) }}
