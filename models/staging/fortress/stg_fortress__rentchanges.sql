{{ typed_rows(topic='rentchanges', relation=source('fortress', 'rentchanges')) }}
