{# numerator / denominator with so many decimals, rounded half up (away from zero); NULL when the
   denominator is 0. Both are integers of one unit: DECIMAL / DECIMAL would be DOUBLE. #}
{% macro divide_exactly(numerator, denominator, decimals) -%}
    {%- set whole = divide_whole_numbers('given.numerator', 'given.denominator', decimals) -%}
    {{- of_fraction(numerator, denominator, divide_where_doubtful(
        'given.numerator::double / nullif(given.denominator::double, 0)', whole, decimals
    )) -}}
{%- endmacro %}

{# 100 * numerator / denominator as DECIMAL(10, 4), money of 16 decimals; NULL where it is undefined
   or does not fit. #}
{% macro percentage(numerator, denominator) -%}
    {%- set whole = divide_in_integers('100 * ' ~ units(numerator), units(denominator), 4) -%}
    try_cast({{ divide_where_doubtful(
        '100 * ' ~ nearly(numerator) ~ ' / nullif(' ~ nearly(denominator) ~ ', 0)', whole, 4
    ) }} as decimal(10, 4))
{%- endmacro %}

{# A DOUBLE is right to 5e-16 of itself: below 1e11 units a quotient that is 0.001 or more away from a
   tie is rounded as the exact one would be. #}
{% macro divide_where_doubtful(quotient, exact, decimals) -%}
    {%- set near = "((" ~ quotient ~ ") * 1e" ~ decimals ~ ")" -%}
    (case
        when abs({{ near }}) < 1e11 and abs({{ near }} - floor({{ near }}) - 0.5) > 0.001
            then round({{ near }})::bigint::decimal(38, 0)
                * 0.{{ '0' * (decimals - 1) }}1::decimal({{ decimals }}, {{ decimals }})
        else {{ exact }}
    end)
{%- endmacro %}

{# Exact where the numerator, of so many decimals more, has room in 38 digits; else NULL. #}
{% macro divide_in_integers(numerator, denominator, decimals, decimals_of_numerator=0) -%}
    try({{ of_fraction(numerator, denominator, divide_whole_numbers(
        'given.numerator', 'given.denominator', decimals, decimals_of_numerator
    )) }})
{%- endmacro %}

{# The same of two columns. DuckDB divides large HUGEINTs bit by bit, 25 us each, so a DOUBLE guesses, and
   exact products say whether the guess is one off; beyond 1e15 it might be more, so there it does divide. #}
{% macro divide_whole_numbers(numerator, denominator, decimals, decimals_of_numerator=0) -%}
    {%- set whole = "(abs(" ~ numerator ~ ") * " ~ 10 ** (decimals - decimals_of_numerator) ~ ")" -%}
    {%- set part = "abs(" ~ denominator ~ ")" -%}
    {%- set guess = "round(" ~ whole ~ "::double / nullif(" ~ part ~ ", 0)::double)" -%}
    {%- set rest = "2 * (" ~ whole ~ " - " ~ guess ~ "::bigint * " ~ part ~ ")" -%}
    try((
        case
            when {{ guess }} < 1e15
                then {{ guess }}::bigint::hugeint
                    + ({{ rest }} >= {{ part }})::tinyint
                    - ({{ rest }} < -{{ part }})::tinyint
            when {{ part }} > 0
                then (2 * {{ whole }} + {{ part }}) // (2 * {{ part }})
        end
        * sign({{ numerator }})::tinyint
        * sign({{ denominator }})::tinyint
    )::decimal(38, 0) * 0.{{ '0' * (decimals - 1) }}1::decimal({{ decimals }}, {{ decimals }}))
{%- endmacro %}

{# SQL over `given.numerator` and `given.denominator`. DuckDB plans an expression as often as it is written,
   and in TRY and CASE computes it as often: a share of something in three times as long. #}
{% macro of_fraction(numerator, denominator, sql) -%}
    list_transform(
        [{'numerator': ({{ numerator }})::hugeint, 'denominator': ({{ denominator }})::hugeint}],
        lambda given: {{ sql }}
    )[1]
{%- endmacro %}

{# What was paid by what was bought, rounded half up at 10 decimals: a notional of 1e-20 counted in whole
   numbers by a quantity of 1e-10, two columns; NULL when there is none. #}
{% macro average_price(notional_units, quantity_units) -%}
    {{- divide_whole_numbers(notional_units, quantity_units, 10, decimals_of_numerator=10) -}}
    ::decimal(28, 10)
{%- endmacro %}

{# What a unit of a quantity of 1e-10 cost, rounded half up at 10 decimals, of a cost of 16 decimals. #}
{% macro unit_cost(cost, quantity) -%}
    {{- divide_in_integers(
        units(cost ~ '::decimal(38, 16)'), scaled_wide(quantity), 10, decimals_of_numerator=6
    ) -}}
    ::decimal(28, 10)
{%- endmacro %}

{# How many 1e-16 a DECIMAL(38, 16) counts: it cannot be multiplied by 10^16 as a whole. #}
{% macro units(money) -%}
    (
        trunc({{ money }})::hugeint * 10000000000000000
        + (({{ money }} - trunc({{ money }}))::decimal(18, 16) * 10000000000000000)::hugeint
    )
{%- endmacro %}

{# An amount in another currency: exact below 1e12, with 14 digits of the rate below 1e14. Fewer digits of
   what is more than that; NULL beyond 1e20. #}
{% macro convert(amount, rate) -%}
    case
        when {{ rate }} = 1 then {{ amount }}::decimal(38, 16)
        else coalesce(
            {% for digits in [16, 14] %}
                try((
                    {{ amount }}::decimal(38, 10) * {{ rate }}::decimal(38, {{ digits }})
                    + ({{ amount }} - {{ amount }}::decimal(38, 10))::decimal(17, 16) * {{ rate }}::decimal(20, 8)
                )::decimal(38, 16)),
            {% endfor %}
            try(({{ amount }}::decimal(38, 6) * {{ rate }}::decimal(38, 12))::decimal(38, 16))
        )
    end
{%- endmacro %}

{# How many 1e-8 a price or a ratio of 8 decimals counts. #}
{% macro scaled(amount) -%} ({{ amount }}::decimal(38, 8) * 100000000)::hugeint {%- endmacro %}

{# How many 1e-10 a quantity or a price of order flow counts. #}
{% macro scaled_wide(amount) -%} ({{ amount }}::decimal(38, 10) * 10000000000)::hugeint {%- endmacro %}

{# How many 1e-20 a quantity times a price counts; NULL where it has no room. #}
{% macro notional(quantity, price) -%}
    try({{ scaled_wide(quantity) }} * {{ scaled_wide(price) }})
{%- endmacro %}

{# Money for a part of a quantity, 8 decimals: exact where the product has room, else with 12 decimals of
   the ratio, which passes 1 where long and short parts offset; NULL where it has no room. #}
{% macro share_of(money, part, quantity) -%}
    coalesce(
        try({{ divide_exactly(
            scaled(money) ~ ' * ' ~ scaled_wide(part), scaled_wide(quantity) ~ ' * 100000000', 8
        ) }}),
        try({{ rounded(
            rounded(money, 8)
            ~ ' * (' ~ part ~ '::double / ' ~ quantity ~ '::double)::decimal(25, 12)', 8
        ) }})
    )
{%- endmacro %}

{# The same with 16 decimals, for what is added up before a mart rounds it. #}
{% macro exact_share_of(money, part, quantity) -%}
    coalesce(
        {{ divide_in_integers(
            units(money) ~ ' * ' ~ scaled_wide(part), scaled_wide(quantity), 16, decimals_of_numerator=16
        ) }},
        ({{ share_of(money, part, quantity) }})::decimal(38, 16)
    )
{%- endmacro %}

{# The sum of what is known of every row; unknown when it is of one. #}
{% macro sum_if_known(amount, filter='true') -%}
    case
        when count({{ amount }}) filter (where {{ filter }}) = count(*) filter (where {{ filter }})
            then sum({{ amount }}) filter (where {{ filter }})
    end
{%- endmacro %}

{# Money rounded half up (away from zero): to 8 decimals where a mart stores it. The same as a cast,
   which takes four times as long. #}
{% macro rounded(money, decimals) -%}
    round({{ money }}, {{ decimals }})::decimal(38, {{ decimals }})
{%- endmacro %}

{# The same for a column of many rows. DuckDB divides 128-bit integers to round, 0.25 to 0.4 microseconds
   a value; a guess takes a quarter of that. Not for a long expression: it is repeated. #}
{% macro rounded_by_guess(column, decimals) -%}
    coalesce({{ guessed(column, decimals) }}, {{ rounded(column, decimals) }})
{%- endmacro %}

{# Money rounded: the guess of a DOUBLE, of more than 8 decimals that of what the first 8 leave over. #}
{% macro guessed(money, decimals) -%}
    {%- if decimals == 8 -%}
    {{ unless_doubtful(money, nearest(money, 8), 8) }}
    {%- else -%}
    list_transform([{{ money }}], lambda money:
        list_transform([{{ nearest('money', 8) }}], lambda eighth:
            list_transform([eighth + {{ nearest('(money - eighth)', decimals) }}], lambda guess:
                {{ unless_doubtful('money', 'guess', decimals) }}
            )[1]
        )[1]
    )[1]
    {%- endif -%}
{%- endmacro %}

{# A guess that is less than half a unit away, which is said exactly. NULL at a tie, and where a BIGINT had no
   room for the guess. #}
{% macro unless_doubtful(money, guess, decimals) -%}
    case
        when abs({{ money }} - {{ guess }}) < 0.{{ '0' * decimals }}5
            then {{ guess }}::decimal(38, {{ decimals }})
    end
{%- endmacro %}

{# About so much, as whole units of so many decimals. #}
{% macro nearest(money, decimals) -%}
    (try_cast(round({{ nearly(money) }} * 1e{{ decimals }}) as bigint)::decimal(38, 0)
    * 0.{{ '0' * (decimals - 1) }}1::decimal({{ decimals }}, {{ decimals }}))
{%- endmacro %}

{# What an event realised: the money of all until it less that of all before it, so that events add up to
   what their position realised, to the last digit. `of`: where the columns are from, with its dot. #}
{% macro realized_in_money(multiplier='multiplier', of='', money=in_money) -%}
    {{ money(of ~ 'realized_pnl', multiplier) }}
    - {{ money('(' ~ of ~ 'realized_pnl - ' ~ of ~ 'realized_pnl_delta)', multiplier) }}
{%- endmacro %}

{# The money in price times quantity, 16 decimals. The product has room below 10^14; beyond, the amount
   is rounded before it is multiplied. NULL beyond 10^18. #}
{% macro in_money(amount, multiplier) -%}
    coalesce(
        try({{ rounded(amount ~ " * " ~ multiplier, 16) }}),
        try({{ rounded(rounded(amount, 16) ~ " * " ~ multiplier, 16) }})
    )
{%- endmacro %}

{# The same for a column of many rows, by a guess: in half the time, and planned in twice as long. #}
{% macro column_in_money(column, multiplier) -%}
    coalesce({{ guessed("try(" ~ column ~ " * " ~ multiplier ~ ")", 16) }}, {{ in_money(column, multiplier) }})
{%- endmacro %}
