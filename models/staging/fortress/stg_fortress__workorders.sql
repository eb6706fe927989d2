{{ typed_rows(topic='workorders', relation=source('fortress', 'workorders')) }}
