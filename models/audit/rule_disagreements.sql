{{ union_of_topics(rule_disagreements) }}
