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
