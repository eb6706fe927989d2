{{ typed_rows(topic='moveouts', relation=source('fortress', 'moveouts')) }}
