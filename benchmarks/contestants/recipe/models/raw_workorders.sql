{{ config(materialized='incremental', incremental_strategy='append') }}
{%- set files = new_files(this) if execute else [] %}
{%- if files %}
select
    id, "readableId", "propertyId", "unitId", "assignedUserId", status, priority, description, "entryNotes", "hasPetAlert", "dueDate",
    "completedAt", "totalAmountOwedByResident", "createdAt", "updatedAt", "deletedAt", filename, op,
    case when filename like '%LOAD.%' then timestamp '2026-06-01' else strptime(parse_filename(filename, true), '%Y%m%d-%H%M%S%g') end as batch_at,
    row_number() over () as row_number
from {% if files[0].endswith('.csv') -%}
read_csv(['{{ files | join("', '") }}'], header = true, all_varchar = true, nullstr = '', allow_quoted_nulls = false, union_by_name = true, filename = true)
{%- else -%}
read_parquet(['{{ files | join("', '") }}'], union_by_name = true, filename = true)
{%- endif %}
{%- else %}
select * from {{ this }} where false
{%- endif %}
