{#
    Fails with every record that is current and has no open, undeleted version in the history with the same image, or the
    other way round. docs/contract.md, section 5: the history as of now equals current.

    Arguments: history, `ref` of the topic's history.
#}
{% test equals_open_history(model, history) %}
    {%- set columns = adapter.get_columns_in_relation(model) | map(attribute='name') | map('tojson') | join(', ') %}
    with open_versions as (
        select {{ columns }} from {{ history }} where valid_to is null and not is_deleted
    )

    (select 'not in history' as fault, * from (select {{ columns }} from {{ model }} except all from open_versions))
    union all
    (select 'not in current' as fault, * from (from open_versions except all select {{ columns }} from {{ model }}))
{% endtest %}
