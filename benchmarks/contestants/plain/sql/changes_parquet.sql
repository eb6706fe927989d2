create or replace temp table delivered as
select
    OP as op,
    id, "readableId", "propertyId", "unitId", "assignedUserId", status, priority, description, "entryNotes", "hasPetAlert"::varchar as "hasPetAlert",
    "dueDate"::varchar as "dueDate", "completedAt"::varchar as "completedAt", "totalAmountOwedByResident"::varchar as "totalAmountOwedByResident",
    "createdAt"::varchar as "createdAt", "updatedAt"::varchar as "updatedAt", "deletedAt"::varchar as "deletedAt",
    file_id, file_row_number + 1 as row_number
from read_parquet($paths, filename = true, file_row_number = true)
inner join main.files on files.topic = '$topic' and files.file_name = parse_filename(filename);
