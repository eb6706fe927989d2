insert into raw by name
select *, (from (select file_id from main.files where topic = '$topic' and file_name[1:4] = 'LOAD')) as file_id, row_number() over () as row_number
from read_csv(
    '$path', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false,
    columns = {
        id: 'varchar', "readableId": 'varchar', "propertyId": 'varchar', "unitId": 'varchar', "assignedUserId": 'varchar', status: 'varchar',
        priority: 'varchar', description: 'varchar', "entryNotes": 'varchar', "hasPetAlert": 'varchar', "dueDate": 'varchar',
        "completedAt": 'varchar', "totalAmountOwedByResident": 'varchar', "createdAt": 'varchar', "updatedAt": 'varchar', "deletedAt": 'varchar'
    }
);

insert into base by name
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
        file_id, row_number, modified_at as batch_at, case when updated_at <= modified_at then updated_at else modified_at end as valid_from,
        true as is_put, 1 as version_number
    from raw inner join main.files using (file_id)
);
