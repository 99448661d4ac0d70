-- What the macros of macros/engine give for the same arguments on the target's engine: one row per
-- case whose value is not the listed one. `make test-spark` runs it on both engines.
{% set no_text = "null::" ~ dbt.type_string() %}
{% set trades -%}
    (values
        (timestamp '2024-01-02 10:00:30', null::smallint, null::bigint, null::decimal(38, 0), 2, 1, 6),
        (timestamp '2024-01-02 10:00:30', 0, null, null, 1, 2, 5),
        (timestamp '2024-01-02 10:00:30', 1, null, null, null, 0, 7),
        (timestamp '2024-01-02 10:00:30', null, 2, 10, null, 0, 3),
        (timestamp '2024-01-02 10:00:30', null, 2, 9, null, 5, 2),
        (timestamp '2024-01-02 10:00:30', null, null, 11, null, 3, 4),
        (timestamp '2024-01-02 10:00:31', null, 1, null, null, 4, 8),
        (timestamp '2024-01-02 10:00:31', null, 1, null, null, 4, 9),
        (timestamp '2024-01-02 10:00:29', null, 1, null, null, 4, null)
    ) as t (timestamp, nanoseconds, sequence_number, trade_number, place, size, price)
{%- endset %}
{%- set full_tick -%}
    (
        select
            'x' as exchange,
            'é|7' as symbol,
            timestamp '2024-02-29 23:59:59.000001' as timestamp,
            42::smallint as nanoseconds,
            'trade' as kind,
            'V' as venue,
            2.5::decimal(18, 8) as bid_price,
            null::decimal(18, 8) as ask_price,
            null::decimal(18, 8) as bid_size,
            0::decimal(18, 8) as ask_size,
            12.5::decimal(18, 8) as last_price,
            -0.00000001::decimal(18, 8) as last_size,
            null::decimal(18, 8) as volume,
            -7::bigint as sequence_number,
            't9' as trade_id,
            {{ parts_of("'@|\"'") }} as conditions,
            'C' as tape
    ) as ticks
{%- endset %}
{%- set bare_tick -%}
    (
        select
            'x' as exchange,
            's' as symbol,
            timestamp '2024-01-02 10:00:00' as timestamp,
            null::smallint as nanoseconds,
            'trade' as kind,
            {{ no_text }} as venue,
            null::decimal(18, 8) as bid_price,
            null::decimal(18, 8) as ask_price,
            null::decimal(18, 8) as bid_size,
            null::decimal(18, 8) as ask_size,
            null::decimal(18, 8) as last_price,
            null::decimal(18, 8) as last_size,
            null::decimal(18, 8) as volume,
            null::bigint as sequence_number,
            {{ no_text }} as trade_id,
            {{ parts_of(no_text) }} as conditions,
            {{ no_text }} as tape
    ) as ticks
{%- endset %}
{% set books -%}
    (
        select {{ as_map('print', 'bits') }} as book
        from (values ('UTP T', 3), ('UTP I', 8), ('CTA T', 64)) as t (print, bits)
    ) as books
{%- endset %}
{% set three_days = days_from("date '2024-02-28'", "date '2024-03-01'") %}
{% set three_starts = buckets_from(
    "timestamp '2024-01-02 10:00:00'", "timestamp '2024-01-02 10:15:00'", 5
) %}
{% set cases = [
    (
        "stable_id",
        stable_id([
            "'binance'", "'BTCUSDT'", "'1m'", microseconds("timestamp '2024-08-08 00:00:00'")
        ]),
        "3510710518853468248",
    ),
    (
        "mid_price",
        mid_price("1.00000001::decimal(18, 8)", "1.00000002::decimal(18, 8)"),
        "1.000000015",
    ),
    (
        "mid_price of one side",
        mid_price("1.0::decimal(18, 8)", "0.0::decimal(18, 8)"),
        none,
    ),
    (
        "minute_number",
        minute_number("timestamp '1970-01-01 00:02:59.999999'"),
        "2",
    ),
    (
        "minute_at",
        minute_at("28400000::bigint"),
        "2023-12-31 05:20:00",
    ),
    (
        "minute_of",
        minute_of("timestamp '2024-01-02 10:00:59.999999'"),
        "2024-01-02 10:00:00",
    ),
    (
        "bucket_of",
        bucket_of("timestamp '2024-01-02 10:44:00'", 15),
        "2024-01-02 10:30:00",
    ),
    (
        "minutes_long",
        "timestamp '2024-01-02 10:44:00' + " ~ minutes_long(61),
        "2024-01-02 11:45:00",
    ),
    (
        "to_utc",
        to_utc("timestamp '2024-07-01 09:30:00'", "'America/New_York'"),
        "2024-07-01 13:30:00",
    ),
    (
        "to_utc of a time that is left out",
        to_utc("timestamp '2024-03-10 02:30:00'", "'America/New_York'"),
        "2024-03-10 07:30:00",
    ),
    (
        "to_utc of a time that comes twice",
        to_utc("timestamp '2024-11-03 01:30:00'", "'America/New_York'"),
        "2024-11-03 06:30:00",
    ),
    (
        "at_time",
        at_time("date '2024-01-02'", "time '17:00'"),
        "2024-01-02 17:00:00",
    ),
    (
        "days_from",
        "(select count(*) from (select " ~ each_of(three_days) ~ " as day))",
        "3",
    ),
    (
        "buckets_from",
        "(select count(*) from (select " ~ each_of(three_starts) ~ " as start))",
        "3",
    ),
    (
        "as_number",
        as_number("' 1_007 '"),
        "1007",
    ),
    (
        "as_number of 38 digits",
        as_number("'99999999999999999999999999999999999999'"),
        "99999999999999999999999999999999999999",
    ),
    (
        "as_number of a text",
        as_number("'7x'"),
        none,
    ),
    (
        "forbidden_by",
        "(select " ~ forbidden_by("book", "'UTP'", parts_of("'I|T|?'")) ~ " from " ~ books ~ ")",
        "11",
    ),
    (
        "forbidden_by of none",
        "(select " ~ forbidden_by("book", "'UTP'", parts_of(no_text)) ~ " from " ~ books ~ ")",
        "0",
    ),
    (
        "first_traded",
        "(select " ~ first_traded("price", "price is not null") ~ " from " ~ trades ~ ")",
        "2",
    ),
    (
        "last_traded",
        "(select " ~ last_traded("price", "price < 8") ~ " from " ~ trades ~ ")",
        "7",
    ),
    (
        "last_traded by place",
        "(select " ~ last_traded("price", "price < 7") ~ " from " ~ trades ~ ")",
        "6",
    ),
    (
        "last_traded by price",
        "(select " ~ last_traded("price", "price > 7") ~ " from " ~ trades ~ ")",
        "9",
    ),
    (
        "content_hash_of_tick",
        "(select " ~ content_hash_of_tick("ticks") ~ " from " ~ full_tick ~ ")",
        "1587766960922558815",
    ),
    (
        "content_hash_of_tick with what is required",
        "(select " ~ content_hash_of_tick("ticks") ~ " from " ~ bare_tick ~ ")",
        "8306042198274700650",
    ),
    (
        "first_known",
        "(select " ~ first_known("price", "timestamp") ~ " from " ~ trades
        ~ " where price is null or price = 8)",
        "8",
    ),
    (
        "last_known",
        "(select " ~ last_known("price", "timestamp") ~ " from " ~ trades
        ~ " where price is null or price = 2)",
        "2",
    ),
] %}

with

vwap_figures as (

    select
        figures.expected,
        figures.whole::{{ whole_number() }} as whole,
        figures.fraction::decimal(38, 16) as fraction,
        figures.volume::decimal(38, 8) as volume
    from (
        values
        ('10', '0.5', '3', '350000000'),
        ('-1', '0.5', '3', '-16666667'),
        ('0', '0.0000000150000000', '1', '2'),
        ('-1', '0.9999999850000000', '1', '-2'),
        ('49999999999999999999', '0.9999999900000000', '9999999999.99999999', '500000000000000000'),
        ('123456789012345678', '0.1234567890123456', '98765432.12345678', '124999998843750012'),
        ('0', '0.0000000100000001', '0.00000003', '33333334'),
        ('1', '0', '0', {{ no_text }})
    ) as figures (whole, fraction, volume, expected)

),

vwap_guesses as (

    select
        *,
        {{ vwap_guess('whole', 'fraction', 'volume') }} as guess
    from vwap_figures

),

-- In units of 1e-8: as a text a small decimal is 2E-8 in Spark.
cases as (

    select
        'vwap' as name,
        (
            ({{ vwap('whole', 'fraction', 'volume', 'guess') }})::decimal(28, 8) * 100000000
        )::decimal(28, 0)::{{ dbt.type_string() }} as found,
        expected
    from vwap_guesses
    {% for name, expression, expected in cases %}
        union all
        select
            '{{ name }}' as name,
            ({{ expression }})::{{ dbt.type_string() }} as found,
            {{ "'" ~ expected ~ "'" if expected is not none else no_text }} as expected
    {% endfor %}

)

select * from cases
where found is distinct from expected
