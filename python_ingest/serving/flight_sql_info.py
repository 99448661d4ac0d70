"""What the server says of itself (`GetSqlInfo`) and of its types (`GetXdbcTypeInfo`).

JDBC drivers fail on an absent entry, so every number of FlightSql.proto's `SqlInfo` is here.
"""

from collections.abc import Collection
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from python_ingest.serving.prepared import KEPT_SECONDS


class _Bits(int):
    """An int32: an enumeration or a mask."""


# The members of the union that a value is sent as, in their order.
_KINDS: dict[type, tuple[str, pa.DataType]] = {
    str: ("string_value", pa.string()),
    bool: ("bool_value", pa.bool_()),
    int: ("bigint_value", pa.int64()),
    _Bits: ("int32_bitmask", pa.int32()),
    list: ("string_list", pa.list_(pa.string())),
    tuple: ("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
}
_NO, _YES = False, True
_INFOS: dict[int, Any] = {
    0: "trading-warehouse",
    1: version("trading-warehouse"),
    2: pa.__version__,
    3: _YES,  # read only
    4: _YES,  # SQL
    5: _NO,  # Substrait
    6: "",
    7: "",
    8: _Bits(0),  # no transactions
    9: _NO,  # no cancellation: a client closes its stream
    100: _Bits(int(KEPT_SECONDS * 1000)),
    101: _Bits(0),
    **dict.fromkeys((500, 501, 502), _NO),  # no DDL
    503: _Bits(1),  # names in any case
    504: '"',
    505: _Bits(1),
    506: _YES,
    507: _Bits(3),  # NULLs last
    **{number: [] for number in range(508, 513)},  # no lists of words
    513: "\\",
    514: "",
    515: _YES,
    516: _YES,
    517: (),
    518: _YES,
    519: _NO,
    520: _YES,
    521: _YES,
    522: _Bits(3),
    523: _YES,
    524: _NO,
    525: _Bits(7),
    526: _Bits(7),
    527: _NO,
    528: _Bits(4),  # full outer joins
    529: "schema",
    530: "",
    531: "",  # no catalogs
    532: _NO,
    533: _Bits(0),
    534: _Bits(0),
    535: _Bits(0),
    536: _NO,
    537: _NO,
    538: _Bits(15),
    539: _YES,
    540: _Bits(3),
    **dict.fromkeys(range(541, 562), 0),  # no limits
    556: _NO,
    562: _Bits(0),
    563: _NO,
    564: _Bits(1),
    565: _NO,
    566: _NO,
    567: _Bits(2),  # forward only
    **dict.fromkeys(range(568, 572), _Bits(2)),  # read only
    **dict.fromkeys(range(572, 577), _NO),
}


def schema_of(fields: str) -> pa.Schema:
    """Return a schema of `name`s, which are texts, or `name:type`s; `?` after what may be NULL."""
    found = []
    for field in fields.split():
        name, _, kind = field.rstrip("?").partition(":")
        found.append(pa.field(name, pa.type_for_alias(kind or "string"), field.endswith("?")))
    return pa.schema(found)


_VALUE = pa.dense_union([pa.field(name, kind) for name, kind in _KINDS.values()])
SQL_INFO = schema_of("info_name:uint32").append(pa.field("value", _VALUE))


def sql_info(wanted: Collection[int]) -> pa.Table:
    """Return the entries of these numbers that there are, or all where none is named."""
    found = {n: value for n, value in _INFOS.items() if n in wanted or not wanted}
    children: dict[type, list[Any]] = {kind: [] for kind in _KINDS}
    codes, offsets = [], []
    for value in found.values():
        child = children[type(value)]
        codes.append(list(_KINDS).index(type(value)))
        offsets.append(len(child))
        child.append(value)
    union = pa.UnionArray.from_dense(
        pa.array(codes, pa.int8()),
        pa.array(offsets, pa.int32()),
        [pa.array(children[kind], sent_as) for kind, (_, sent_as) in _KINDS.items()],
        [name for name, _ in _KINDS.values()],
    )
    return pa.Table.from_arrays([pa.array(list(found), pa.uint32()), union], schema=SQL_INFO)


_WORDS = pa.list_(pa.field("item", pa.string(), nullable=False))
XDBC_TYPES = schema_of(
    "type_name data_type:int32 column_size:int32? literal_prefix? literal_suffix? create_params?"
    " nullable:int32 case_sensitive:bool searchable:int32 unsigned_attribute:bool?"
    " fixed_prec_scale:bool auto_increment:bool? local_type_name? minimum_scale:int32?"
    " maximum_scale:int32? sql_data_type:int32 datetime_subcode:int32? num_prec_radix:int32?"
    " interval_precision:int32?"
).set(5, pa.field("create_params", _WORDS))
# Name, number of JDBC and ODBC, digits or characters, quote of its literals, radix, subcode.
_TYPES: list[tuple[str, int, int | None, str | None, int | None, int | None]] = [
    ("BOOLEAN", -7, None, None, None, None),
    ("TINYINT", -6, 3, None, 10, None),
    ("BIGINT", -5, 19, None, 10, None),
    ("BLOB", -3, None, "'", None, None),
    ("DECIMAL", 3, 38, None, 10, None),
    ("HUGEINT", 3, 38, None, 10, None),
    ("INTEGER", 4, 10, None, 10, None),
    ("SMALLINT", 5, 5, None, 10, None),
    ("REAL", 7, 24, None, 2, None),
    ("DOUBLE", 8, 53, None, 2, None),
    ("UUID", 12, 36, "'", None, None),
    ("VARCHAR", 12, None, "'", None, None),
    ("DATE", 91, 10, "'", None, 1),
    ("TIME", 92, 15, "'", None, 2),
    ("TIMESTAMP", 93, 26, "'", None, 3),
    ("TIMESTAMP WITH TIME ZONE", 93, 32, "'", None, 3),
]
_DATETIME, _NULLABLE, _SEARCHABLE = 9, 1, 3


def xdbc_types(wanted: int | None) -> list[dict[str, Any]]:
    """Return the engine's types of this number, or all, by number and name."""
    return [
        {
            "type_name": name,
            "data_type": number,
            "column_size": size,
            "literal_prefix": quote,
            "literal_suffix": quote,
            "create_params": ["precision", "scale"] if name == "DECIMAL" else None,
            "nullable": _NULLABLE,
            "case_sensitive": name == "VARCHAR",
            "searchable": _SEARCHABLE,
            "unsigned_attribute": False if radix else None,
            "fixed_prec_scale": False,
            "minimum_scale": 0 if radix == 10 else None,  # noqa: PLR2004 - decimal digits
            "maximum_scale": 38 if name == "DECIMAL" else 0 if radix == 10 else None,  # noqa: PLR2004
            "sql_data_type": _DATETIME if subcode else number,
            "datetime_subcode": subcode,
            "num_prec_radix": radix,
        }
        for name, number, size, quote, radix, subcode in _TYPES
        if wanted is None or number == wanted
    ]
