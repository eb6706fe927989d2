insert into raw by name
select
    id, "readableId", "propertyId", "unitId", "assignedUserId", status, priority, description, "entryNotes", "hasPetAlert"::varchar as "hasPetAlert",
    "dueDate"::varchar as "dueDate", "completedAt"::varchar as "completedAt", "totalAmountOwedByResident"::varchar as "totalAmountOwedByResident",
    "createdAt"::varchar as "createdAt", "updatedAt"::varchar as "updatedAt", "deletedAt"::varchar as "deletedAt",
    (from (select file_id from main.files where topic = '$topic' and file_name[1:4] = 'LOAD')) as file_id, file_row_number + 1 as row_number
from read_parquet('$path', file_row_number = true);
