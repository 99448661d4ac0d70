-- JSON whose numbers keep all the digits they were written with.
--
-- The engine reads JSON numbers as doubles, and writes them anew wherever it takes a document apart.
-- So a text that holds a number which a double may not hold gets its numbers marked as texts first;
-- `unmarked` values have the digits as they were written. query.py says what stands for `$mark`.

-- Does a JSON text hold a NUL as an escape? NULL of NULL.
-- :has_nul(text)
(contains($text, '\u0000') and regexp_matches($text, '(^|[^\\])(\\\\)*\\u0000'))

-- Is a text JSON as RFC 8259 has it? Never NULL. The engine takes a comma before a closing bracket,
-- NaN and infinity for JSON too.
-- :is_json(text)
case when json_valid($text) then not $has_loose_part else false end

-- Has a text that the engine takes for JSON what is none by RFC 8259? Few texts have it anywhere, and
-- only these are read without the texts in them.
-- :has_loose_part(text)
(case when regexp_matches($text, '(?i),\s*[\]}]|nan|inf') then regexp_matches(
    regexp_replace($text, '"(?:[^"\\]|\\.)*"', '0', 'g'), '(?i),\s*[\]}]|nan|inf'
) else false end)

-- May a JSON text hold a number that a double does not hold? It holds 15 digits for sure, and an
-- exponent may lead out of its range.
-- Each pattern begins with one character: such a search takes a third of the time of any other.
-- :has_long_number(text)
(regexp_matches($text, ':$long_number') or contains($text, '[')
    and (regexp_matches($text, '\[$long_number') or regexp_matches($text, ',$long_number')))
-- :long_number()
\s*-?[0-9](?:[0-9.]{16}|[0-9.]*[eE])

-- May it hold a number that the engine would write in other digits? Besides those, zeros at the end of
-- a fraction, and -0.
-- :has_rendered_number(text)
regexp_matches($text, '[0-9.]{17}|[0-9][eE][+-]?[0-9]|\.[0-9]*0([^0-9]|$)|-0([^0-9.]|$)')

-- A valid JSON text; where `is_long` holds, its numbers are marked texts. Texts and all else before a
-- number are taken as one, so no digits within a text are met. Each attempt must find a number, or it
-- would begin anew within a text: one stands at the end, of four characters when it is marked.
-- :marked(text, is_long)
case when $is_long then left(regexp_replace(
    $text || '0', '((?:"(?:[^"\\]|\\.)*"|[^"0-9-])*)(-?[0-9][0-9.eE+-]*)', '\1"$mark\2"', 'g'
), -4) else $text end

-- A value, or a text of JSON, that was taken out of a marked one.
-- :unmarked(value, is_long)
case when $is_long then $without_marks else $value end
-- :without_marks(value)
ltrim(regexp_replace($value, '"$mark([^"]*)"', '\1', 'g'), '$mark')

-- A list of such values.
-- :unmarked_list(values, is_long)
case when $is_long then list_transform(
    $values, lambda x: $without_marks(x)
) else $values end

-- A text without blanks between its tokens; its numbers have the digits they had. A number alone is
-- not minified.
-- :json(text, minified)
case when $is_json
    then (case when $a_number <> '' then $a_number else $minified end)::json end
-- :a_number(text)
regexp_extract($text, '^\s*(-?[0-9]\S*)', 1)

-- Is a text a JSON object? Never NULL.
-- :is_object(text)
case when json_valid($text) then json_type($text) = 'OBJECT' else false end

-- Does a list of an object's fields name one twice? Two lines with a cut between them look like that.
-- :has_field_twice(fields)
list_unique($fields) <> len($fields)

-- A JSON list of texts, or texts with bars between them.
-- :list(value)
case when $value like '[%' then case when len(list_filter(
        json_type(try_cast($value as json), '$[*]')::varchar[],
        lambda t: t not in ('VARCHAR', 'UBIGINT', 'BIGINT', 'NULL')
    )) = 0 then try_cast(try_cast($value as json) as varchar[]) end
    when $value not like '{%' then string_split($value, '|') end

-- A JSON object with no other fields than `names`, as the struct `made`.
-- :struct(text, names, made)
case when json_type(try_cast($text as json)) = 'OBJECT' and len(list_filter(
        json_keys(try_cast($text as json)), lambda k: k not in ($names)
    )) = 0 then try_cast(try_cast($text as json) as $made) end

-- Does a text say nothing, by blanks of any alphabet? Nearly all begin with a letter or digit, and are
-- not looked at twice.
-- :is_blank(text)
(($text < '!' or $text > '~') and regexp_full_match($text, '[\s\p{Z}]*'))

-- A name or word in small letters. Those outside ASCII stay: the engine's own `lower` makes an i of a
-- Turkish capital with its dot, and so one market of another.
-- :small(text)
translate($text, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')

-- A field that is JSON, of which `value` is the text: a text stays one, unless it is a document. One
-- that says nothing says nothing here too.
-- :json_field(text, path)
case when regexp_full_match($text, '\s*(null)?\s*')
    or regexp_matches($text, '^\s*[\[{]') and $is_json then $text else $own_json end
-- :own_json(path)
case when is_long then ltrim(
    regexp_replace(json_extract(doc, $path)::varchar, '"$mark([^"]*)"', '\1', 'g'), '$mark'
) else json_extract(doc, $path)::varchar end

-- Is a field, of which `text` is the text, neither a list nor a text, as in CSV? Nearly all are lists.
-- :is_no_list(text, path)
not starts_with($text, '[') and (
    json_type(doc, $path) not in ('ARRAY', 'VARCHAR', 'NULL')
    or coalesce(starts_with(json_extract_string(doc, $path), '$mark'), false)
)

-- A column of JSON as a text that tells what it says: numbers by their value, as the engine writes it;
-- where one may be too long for that, by their digits. Hashes of what landed depend on this pattern.
-- :said_json(text)
case when regexp_matches($text, '[0-9.]{17}|[0-9][eE][+-]?[0-9]') then $text else to_json($text) end::varchar

-- The first of some fields (`names`) that is there and is no text, or NULL. A whole number stands for
-- its digits; one with a point or an exponent is no text.
-- :not_a_text(names, paths)
[$names][list_position(list_transform(
    list_zip(json_type(doc, [$paths]), json_extract_string(doc, [$paths])),
    lambda x: x[1] in ('ARRAY', 'OBJECT', 'BOOLEAN', 'DOUBLE')
        or coalesce(regexp_matches(x[2], '^$mark-?[0-9]+[.eE]'), false)
), true)]

-- A file that begins with a list without rows: it is a page, and has nothing else.
-- :empty_page(name)
select null::varchar as $name, line as raw_text, line_number,
    case when not is_empty then coalesce(damage, 'more than a list without rows') end as complaint,
    case when is_empty then 'empty page' end as ignored
from (
    select *, damage is null and regexp_full_match(line, '\s*\[\s*\]\s*') as is_empty
    from source_lines
)

-- Is a field of a document, of which `text` is the text, a list or an object?
-- :is_nested(text, path)
(starts_with($text, '{') or starts_with($text, '['))
    and json_type(doc, $path) in ('ARRAY', 'OBJECT')
