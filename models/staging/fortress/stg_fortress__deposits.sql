{{ typed_rows(topic='deposits', relation=source('fortress', 'deposits')) }}
