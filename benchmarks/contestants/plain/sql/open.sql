set timezone = 'UTC';
set enable_progress_bar = false;
-- Else the checkpoint at the end of an hour now and then rewrites large parts of the tables, which takes longer than the hour.
set max_vacuum_tasks = 0;
create table if not exists main.files (file_id bigint, topic varchar, file_name varchar, modified_at timestamp);
