{{ typed_rows(topic='moveins', relation=source('fortress', 'moveins')) }}
