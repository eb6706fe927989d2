create or replace temp table delivered as
select
    OP as op,
    id, "readableId", "propertyId", "unitId", "assignedUserId", status, priority, description, "entryNotes", "hasPetAlert"::varchar as "hasPetAlert",
    "dueDate"::varchar as "dueDate", "completedAt"::varchar as "completedAt", "totalAmountOwedByResident"::varchar as "totalAmountOwedByResident",
    "createdAt"::varchar as "createdAt", "updatedAt"::varchar as "updatedAt", "deletedAt"::varchar as "deletedAt",
    file_id, file_row_number + 1 as row_number
from read_parquet($paths, filename = true, file_row_number = true)
inner join main.files on files.topic = '$topic' and files.file_name = parse_filename(filename);

create or replace temp table new as
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
        file_id, row_number, op, strptime(split_part(file_name, '.', 1), '%Y%m%d-%H%M%S%g') as batch_at
    from delivered inner join main.files using (file_id)
);
insert into raw by name from delivered;
