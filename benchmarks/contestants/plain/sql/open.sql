set timezone = 'UTC';
set enable_progress_bar = false;
-- Else the checkpoint at the end of an hour now and then rewrites large parts of the tables, which takes longer than the hour.
set max_vacuum_tasks = 0;
create table if not exists main.files (file_id bigint, topic varchar, file_name varchar, modified_at timestamp);

-- Delivered rows with typed columns, and a hash of all but the key: telling whether something changed reads one column and not fifteen.
create or replace temp macro typed(delivered) as table
select *, hash(
    readable_id, property_id, unit_id, assigned_user_id, status, priority, description, entry_notes, has_pet_alert, due_date,
    completed_at, total_amount_owed_by_resident, created_at, updated_at, deleted_at
) as image
from (
    select
        id, "readableId" as readable_id, "propertyId" as property_id, "unitId" as unit_id, "assignedUserId" as assigned_user_id, status, priority,
        description, "entryNotes" as entry_notes, "hasPetAlert"::boolean as has_pet_alert, "dueDate"::date as due_date,
        "completedAt"::timestamp as completed_at, "totalAmountOwedByResident"::decimal(18, 6) as total_amount_owed_by_resident,
        "createdAt"::timestamp as created_at, "updatedAt"::timestamp as updated_at, "deletedAt"::timestamp as deleted_at,
        file_id, row_number, op
    from query_table(delivered)
);
