create or replace temp table delivered as
select * exclude (filename, place), row_number() over (partition by file_id order by place) as row_number
from (
    select read.* exclude (name), files.file_id, row_number() over () as place
    from (
        select *, parse_filename(filename) as name
        from read_csv(
            $paths, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false,
            filename = true,
            columns = {
                op: 'varchar', id: 'varchar', "readableId": 'varchar', "propertyId": 'varchar', "unitId": 'varchar', "assignedUserId": 'varchar',
                status: 'varchar', priority: 'varchar', description: 'varchar', "entryNotes": 'varchar', "hasPetAlert": 'varchar',
                "dueDate": 'varchar', "completedAt": 'varchar', "totalAmountOwedByResident": 'varchar', "createdAt": 'varchar',
                "updatedAt": 'varchar', "deletedAt": 'varchar'
            }
        )
    ) as read
    inner join main.files on files.topic = '$topic' and files.file_name = read.name
);

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
