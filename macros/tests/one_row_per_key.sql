{#
    Fails with every key that several rows share, and with every row that has no whole key.

    Arguments: key, list of columns. Example: `- one_row_per_key: {arguments: {key: [_organization_id, id]}}`
#}
{% test one_row_per_key(model, key) %}
    select
        {{ key | join(', ') }},
        count(*) as rows_with_this_key
    from {{ model }}
    group by all
    having count(*) > 1 or {{ key | join(' is null or ') }} is null
{% endtest %}
