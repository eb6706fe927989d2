{{ typed_rows(topic='leases', relation=source('fortress', 'leases')) }}
