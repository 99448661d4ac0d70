-- What was not accepted, and why.
select
    rejected_at,
    source_file,
    row_number,
    reason
from rejected_rows
order by rejected_at desc, source_file, row_number
