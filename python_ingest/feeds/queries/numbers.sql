-- Numbers as they are written.

-- :has_exponent(text)
(contains($text, 'e') or contains($text, 'E'))

-- A number's text as the decimal `made`; NULL where it is none or too large. What has an exponent is
-- written without one first: the engine's cast needs room for all digits before it heeds the
-- exponent, and makes 0 of many zeros and a large one.
-- :decimal_of(text, made)
try_cast(case when $has_exponent then $plain else $text end as $made)
-- The same of a row that has the numbers of `plain_numbers`, of which it is the one at `place`.
-- :decimal_at(text, made, place)
try_cast(case when $has_plain then $plain_at else $text end as $made)
-- :has_plain(text)
"source.plain" is not null and $has_exponent
-- :plain_at(place)
"source.plain"[$place]

-- Numbers without exponents; NULL where none of them has one (`any`). Once for a row, not twice for each
-- number: of few rows the planning takes the longest.
-- :plain_numbers(text, any)
case when $any then $without_exponents end
-- :plain(text)
$without_exponents[1]

-- A list of numbers without exponents or needless zeros, of one text or of several with commas between
-- them; NULL where a text has no exponent or is none. What leads out of every column stays out of it,
-- however large the exponent is: no column has room for 40 zeros beside a number, and no text has
-- digits enough for an exponent of 31 bits. `d` are the digits that count, and `point` of them stand
-- before the point.
-- :without_exponents(text)
list_transform(list_transform(list_transform(
    [$text],
    lambda t: regexp_extract(
        t, '^[\s\x0b]*([+-]?)([0-9]*)\.?([0-9]*)[eE]([+-]?[0-9]+)[\s\x0b]*$', ['s', 'w', 'f', 'e']
    )),
    lambda x: {
        s: x.s, is_zero: x.w || x.f <> '', d: trim(x.w || x.f, '0'),
        point: length(ltrim(x.w || x.f, '0')) - length(x.f) + coalesce(
            try_cast(x.e as integer), case when starts_with(x.e, '-') then -2147483647 else 2147483647 end
        )::bigint
    }
), lambda x: case
    when x.d = '' then case when x.is_zero then '0' end
    when x.point <= 0 then x.s || '0.' || repeat('0', least(-x.point, 40)) || x.d
    when x.point >= length(x.d) then x.s || x.d || repeat('0', least(x.point - length(x.d), 40))
    else x.s || left(x.d, x.point) || '.' || substr(x.d, x.point + 1)
end)

-- Has a number, as it is written, digits that so many decimals do not hold?
-- :is_finer(text, places)
case
    when $has_exponent then coalesce(length(split_part($plain, '.', 2)) > $places, true)
    $is_longer
end
-- :is_finer_at(text, places, place)
case
    when $has_plain then coalesce(length(split_part($plain_at, '.', 2)) > $places, true)
    $is_longer
end
-- :is_longer(text, places)
when contains($text, '.') and length($text) - strpos($text, '.') > $places
    then not regexp_full_match($text, '[\s\x0b]*[+-]?[0-9]*\.[0-9]{0,$places}0*[\s\x0b]*')
else false

-- Does a decimal(28, 10) not hold a number? It is left as it is: its column refuses it. `made` is that
-- type, and `places` are its decimals.
-- :is_inexact(text, made, places)
($text is not null and $decimal_of is null or $is_grouped or $is_finer)

-- Is a text none of our numbers, though the engine reads `1_000` as a thousand?
-- :is_grouped(text)
contains($text, '_')

-- A number as the shortest text that is it in 32 bits.
-- :float32(text)
case when $is_grouped then $text else coalesce(try_cast($text as float)::varchar, $text) end

-- Why a text is no decimal.
-- :not_decimal(text, no_number, no_finite, no_fit)
case when try_cast($text as double) is null then $no_number
    when not isfinite(try_cast($text as double)) then $no_finite
    else $no_fit end

-- The digits of a decimal that is a whole number: an id, as an integer is.
-- :whole(decimal)
case when not contains($without_zeros, '.') then $without_zeros end
-- :without_zeros(decimal)
regexp_replace($decimal::varchar, '\.0+$', '')

-- Is an id a number as a spreadsheet rounds or a data frame writes it? `8.95E+14`, `1.23457E15`,
-- `5.0`: nobody can tell which number it was. An id in hex (`12E45`) is none. NULL of NULL.
-- :is_spoiled(text)
case when contains($text, '.') or contains($text, '+') or contains($text, ',')
    then regexp_full_match(
        $text, '\s*[+-]?([0-9]([.,][0-9]+[eE][+-]?|[eE]\+)[0-9]+|[0-9]+[.,]0*|[.,][0-9]+)\s*'
    )
    else false end

-- The number, and the unit, of a text such as `1,000.5BTC` or `1E-7 BNB`: a comma stands before three
-- digits, so a decimal comma is no number. What is none stays whole, and is rejected.
-- :number_of(text)
coalesce(nullif(replace(regexp_extract($text, '$number_and_unit', 1), ',', ''), ''), $text)
-- :unit_of(text)
regexp_extract($text, '$number_and_unit', 2)
-- :number_and_unit()
^([+-]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?) ?([A-Za-z]\w*)?$

-- A number's text without its sign, or with the other one; a second one, or a blank after it, makes it
-- no number.
-- :absolute(text)
regexp_replace($text, '^\s*-([0-9.])', '\1')
-- :negated(text)
case when regexp_matches($text, '^\s*-([0-9.])') then $absolute
    when $text <> '' then '-' || regexp_replace($text, '^\s*\+?([0-9.])', '\1') end

-- A decimal as a text without needless zeros.
-- :shortest(decimal)
rtrim(rtrim($decimal::varchar, '0'), '.')
