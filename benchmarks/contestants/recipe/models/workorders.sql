{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id') }}

with rows_of_new_files as (
    select * from {{ ref('raw_workorders') }}
    {% if is_incremental() %}where batch_at > (select max(batch_at) from {{ this }}){% endif %}
),

last_rows as (
    select * from rows_of_new_files
    qualify row_number() over (
        partition by id order by batch_at desc, case op when 'I' then 3 when 'U' then 2 else 1 end desc, row_number desc
    ) = 1
)

select
    id,
    "readableId" as readable_id,
    "propertyId" as property_id,
    "unitId" as unit_id,
    "assignedUserId" as assigned_user_id,
    status,
    priority,
    description,
    "entryNotes" as entry_notes,
    "hasPetAlert"::boolean as has_pet_alert,
    "dueDate"::date as due_date,
    "completedAt"::timestamp as completed_at,
    "totalAmountOwedByResident"::decimal(18, 6) as total_amount_owed_by_resident,
    "createdAt"::timestamp as created_at,
    "updatedAt"::timestamp as updated_at,
    "deletedAt"::timestamp as deleted_at,
    coalesce(op = 'D', false) as is_gone,
    batch_at
from last_rows
