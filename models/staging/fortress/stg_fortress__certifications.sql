{{ typed_rows(topic='certifications', relation=source('fortress', 'certifications')) }}
