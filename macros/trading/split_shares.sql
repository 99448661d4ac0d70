{# A split's ratio as new shares for old ones. A third has no end in decimals: eight of them that agree with
   a fraction of at most 1,000 old shares mean it (docs/adr/0165; the fold says the same in shares_of). #}
{% macro split_shares(ratio) -%}
    {%- set new = "((2 * " ~ scaled(ratio) ~ " * old + 100000000) // 200000000)" -%}
    coalesce(
        list_filter(
            list_transform(
                range(1, 1001), lambda old: {'new_shares': {{ new }}, 'old_shares': old::hugeint}
            ),
            lambda shares:
                shares.new_shares > 0
                and abs(shares.new_shares * 100000000 - {{ scaled(ratio) }} * shares.old_shares)
                < shares.old_shares
        )[1],
        {'new_shares': {{ scaled(ratio) }}, 'old_shares': 100000000::hugeint}
    )
{%- endmacro %}

{# The product of a list of integers, as an integer (list_product is a DOUBLE); an error without room. #}
{% macro product_of(list) -%} list_reduce({{ list }}, lambda x, y: x * y) {%- endmacro %}
