{% for topic in ['activities', 'customers', 'leases', 'transactions', 'units', 'workorders'] %}
{{ cast_failures(topic=topic, changes=ref(topic ~ '_changes')) }}
{{ 'union all' if not loop.last }}
{% endfor %}
