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
