set timezone = 'UTC';
set enable_progress_bar = false;
create table if not exists main.files (file_id bigint, topic varchar, file_name varchar, modified_at timestamp);
