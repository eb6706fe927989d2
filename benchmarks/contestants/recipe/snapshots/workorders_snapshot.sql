{% snapshot workorders_snapshot %}
{{ config(unique_key='id', strategy='timestamp', updated_at='batch_at', hard_deletes='invalidate') }}
select * exclude (is_gone) from {{ ref('workorders') }} where not is_gone
{% endsnapshot %}
