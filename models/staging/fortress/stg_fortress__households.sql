{{ typed_rows(topic='households', relation=source('fortress', 'households')) }}
