{{ typed_rows(topic='customers', relation=source('fortress', 'customers')) }}
