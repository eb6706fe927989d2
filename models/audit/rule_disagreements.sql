{{ rule_disagreements(rows=union_of_topics(disputed_rows)) }}
