-- What is separated in a line.

-- The fields of `line`, NULL where its quotes are not closed; `at` is what separates them, and `one` the
-- pattern of it. A line without a quote is cut there. Where no field has a quote in it, every second
-- part between quotes is within a field, and its separators stand `$aside` while the line is cut. The
-- few others are taken apart by a pattern, which takes ten times as long. A quote within a field that
-- begins without one is a character like any other.
-- :fields_of_line(at, one)
case
    when not contains(line, '"') then string_split(line, $at)
    when regexp_full_match($whole_line, '$simple_field(?:$one$simple_field)*')
        and not contains(line, '$aside')
        then list_transform(
            string_split(array_to_string($parts, ''), $at), lambda x: replace(x, '$aside', $at)
        )
    when regexp_full_match($whole_line, '$any_field(?:$one$any_field)*') then list_transform(
        regexp_extract_all($at || $whole_line, '$one($any_field)', 1),
        lambda x: case when starts_with(x, '"')
            then replace(substr(x, 2, length(x) - 2), '""', '"') else x end
    )
end
-- :whole_line()
rtrim(line, e'\r\n')
-- :parts(at)
list_transform(string_split($whole_line, '"'), lambda x, i:
    case when i % 2 = 0 then replace(x, $at, '$aside') else x end)
-- :simple_field(one)
(?:"[^"]*"|[^"$one]*)
-- :any_field(one)
(?:"(?:[^"]|"")*"|[^"$one][^$one]*|)
