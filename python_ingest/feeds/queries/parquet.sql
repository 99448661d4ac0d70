-- What stands in the footer of a Parquet file.

-- The bytes of each column chunk.
-- :chunks(path)
select
    case when dictionary_page_offset > 0 then least(dictionary_page_offset, data_page_offset)
        else data_page_offset end as first_byte,
    first_byte + total_compressed_size as end_byte
from parquet_metadata($path)
where total_compressed_size > 0

-- :milliseconds(path)
select name from parquet_schema($path) where converted_type = 'TIMESTAMP_MILLIS'

-- Times of 96 bits, and numbers that the engine reads as floats of another kind.
-- :odd_columns(path)
select name, precision, type = 'INT96' from parquet_schema($path)
where precision > 38 or logical_type like 'Float16%' or type = 'INT96'
