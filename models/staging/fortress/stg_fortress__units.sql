{{ typed_rows(topic='units', relation=source('fortress', 'units')) }}
