{{ typed_rows(topic='properties', relation=source('fortress', 'properties')) }}
