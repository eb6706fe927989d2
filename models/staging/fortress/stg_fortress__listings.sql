{{ typed_rows(topic='listings', relation=source('fortress', 'listings')) }}
