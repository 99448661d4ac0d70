{# The finished extracts of one of TimescaleDB's tables, as `ingest extract timescale` described them:
   relation, run, columns, covered spans, files, and kept_files: these and those of ranges that the server
   has no longer. #}
{% macro extracts_of(table) -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- set folder = (env_var('DATA_DIR', 'data') ~ '/extracts') | replace("'", "''") -%}
        {%- for path, text in run_query(
            "select filename, content from read_text('" ~ folder ~ "/*/manifest.json') order by filename"
        ).rows -%}
            {%- set quoted = path | replace("'", "''") -%}
            {%- set manifest = fromjson(text) -%}
            {%- if manifest['table'] == table -%}
                {%- set folder_of_files = quoted.rsplit('/', 1)[0] -%}
                {%- for name, parts in {
                    'files': manifest['parts'], 'kept_files': manifest['parts'] + manifest.get('gone', [])
                }.items() -%}
                    {%- set files = [] -%}
                    {%- for part in parts -%}
                        {%- do files.append("'" ~ folder_of_files ~ '/' ~ part['file'] ~ "'") -%}
                    {%- endfor -%}
                    {%- do manifest.update({name: files}) -%}
                {%- endfor -%}
                {%- do found.append(manifest) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{# All rows of a table's extracts with these columns (name: type), NULL where TimescaleDB has none of
   that name; no rows where nothing was extracted. #}
{% macro timescale_rows(table, columns) -%}
    {%- for extract in extracts_of(table) if extract['files'] %}
        select
            '{{ extract["relation"] }}' as relation,
            {%- for column, type in columns.items() %}
            {{ spelled(column if column in extract['columns'] else 'null', type) }} as {{ column }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        from read_parquet([{{ extract['files'] | join(', ') }}], union_by_name = true)
        {{ 'union all' if not loop.last }}
    {%- else %}
        select
            null::varchar as relation,
            {%- for column, type in columns.items() %}
            null::{{ type }} as {{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
        where false
    {%- endfor %}
{%- endmacro %}

{# A column of an extract as landing spells it: nothing is NULL, but in a log's message (ADR 0012). #}
{% macro spelled(column, type) -%}
    {%- if type == 'varchar' and column not in ('null', 'message') -%}
        case when trim({{ column }}) <> '' then {{ column }} end
    {%- elif type == 'varchar[]' -%}
        nullif(list_filter({{ column }}::varchar[], lambda text: text <> ''), [])
    {%- else -%}
        {{ column }}::{{ type }}
    {%- endif -%}
{%- endmacro %}

{# A table's extract as landing would have taken it: canonical columns, reason, content_hash (not of ticks),
   and the id as row_number; what the server has no longer too. The SQL is landing's own, which
   `ingest extract` wrote into the manifest. #}
{% macro landed_rows(table, id, columns) -%}
    {%- for extract in extracts_of(table) if extract['kept_files'] %}
    with extracted as (
        select
            *,
            {{ id }} as row_number
        from read_parquet([{{ extract['kept_files'] | join(', ') }}], union_by_name = true)
    )
    {{ extract['landed_sql'] }}
    {%- else %}
    select
        {%- for column, type in columns.items() %}
        null::{{ type }} as {{ column }},
        {%- endfor %}
        null::varchar as reason,
        null::bigint as row_number,
        null::bigint as content_hash
    where false
    {%- endfor %}
{%- endmacro %}

{# Rows whose time may lie in an extract: a literal span, so that nothing else is read. #}
{% macro in_extracts(table, time) -%}
    {%- set starts, ends = [], [] -%}
    {%- for extract in extracts_of(table) -%}
        {%- for span in extract['covered'] -%}
            {%- do starts.append(span['start']) -%}
            {%- do ends.append(span['end']) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if starts -%}
        {{ time }} >= timestamp '{{ starts | min }}' and {{ time }} < timestamp '{{ ends | max }}'
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{# Leaves out rows of ranges that the server has no longer. #}
{% macro still_there(table, time) -%}
    true
    {%- for extract in extracts_of(table) -%}
        {%- for part in extract.get('gone', []) %}
        and not ({{ time }} >= timestamp '{{ part["start"] }}' and {{ time }} < timestamp '{{ part["end"] }}')
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}

{# Whether TimescaleDB's table has a column of that name. #}
{% macro extracts_have(table, column) -%}
    {%- set found = [] -%}
    {%- for extract in extracts_of(table) if column in extract['columns'] -%}
        {%- do found.append(extract['relation']) -%}
    {%- endfor -%}
    {{ return(found | length > 0) }}
{%- endmacro %}

{# The stretches of time of which an extract has every row that the server has, and what the server's
   retention explains: nothing is there before that instant. `timeframe`: of a continuous aggregate. #}
{% macro timescale_coverage() -%}
    select
        null::varchar as table_name,
        null::varchar as relation,
        null::varchar as run,
        null::varchar as timeframe,
        null::timestamp as covered_from,
        null::timestamp as covered_to,
        null::timestamp as retired_before,
        null::varchar as retention_policy
    where false
    {%- for table in compared_tables() %}
        {%- for extract in extracts_of(table) %}
            {%- set retention = extract.get('retention') or {} %}
            {%- for span in extract['covered'] %}
    union all
    select
        '{{ table }}',
        '{{ extract["relation"] }}',
        '{{ extract["run"] }}',
        {{ dbt.string_literal(extract['timeframe']) if extract.get('timeframe') else 'null' }},
        timestamp '{{ span["start"] }}',
        timestamp '{{ span["end"] }}',
        {{ "timestamp '" ~ retention['retired_before'] ~ "'" if retention else 'null' }},
        {{ dbt.string_literal(retention['policy']) if retention else 'null' }}
            {%- endfor %}
        {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{# The extraction that a relation's rows come from. #}
{% macro run_of(relation) -%}
    case {{ relation }}
        when null then null::varchar
        {%- for table in compared_tables() %}
            {%- for extract in extracts_of(table) %}
        when '{{ extract["relation"] }}' then '{{ extract["run"] }}'
            {%- endfor %}
        {%- endfor %}
    end
{%- endmacro %}

{# The ranges that were extracted, and what could not be. `is_lost`: the server has the range no longer,
   and its retention does not explain that. #}
{% macro timescale_ranges() -%}
    select
        null::varchar as table_name,
        null::varchar as relation,
        null::timestamp as range_from,
        null::timestamp as range_to,
        null::bigint as accepted,
        null::bigint as rejected,
        null::varchar as reasons,
        null::boolean as is_changing,
        null::boolean as is_lost
    where false
    {%- for table in compared_tables() %}
        {%- for extract in extracts_of(table) %}
            {%- set retired_before = (extract.get('retention') or {}).get('retired_before', '') %}
            {%- for part in extract['parts'] + extract.get('gone', []) %}
    union all
    select
        '{{ table }}',
        '{{ extract["relation"] }}',
        timestamp '{{ part["start"] }}',
        timestamp '{{ part["end"] }}',
        {{ part['rows'] }},
        {{ part['rejected'] }},
        '{{ tojson(part["reasons"]) | replace("'", "''") }}',
        {{ part['is_changing'] | lower }},
        {{ (part not in extract['parts'] and part['end'] > retired_before) | lower }}
            {%- endfor %}
        {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{# Leaves out the days of which a retention policy has let rows go: they are no difference. #}
{% macro still_kept(relation, time) -%}
    {{ time }}::date not in (
        select removed.date from raw.removed_rows as removed
        where removed.relation = '{{ relation }}'
    )
{%- endmacro %}
