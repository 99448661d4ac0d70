"""What the server says of itself (`GetSqlInfo`) and of its types (`GetXdbcTypeInfo`).

JDBC drivers fail on an absent entry, so every number of FlightSql.proto's `SqlInfo` is here.
"""

from collections.abc import Collection
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from python_ingest.serving.prepared import KEPT_SECONDS

_KINDS: dict[type, tuple[int, str, pa.DataType]] = {
    str: (0, "string_value", pa.string()),
    bool: (1, "bool_value", pa.bool_()),
    int: (2, "bigint_value", pa.int64()),
    bytes: (3, "int32_bitmask", pa.int32()),  # an int below is made one by `_bits`
    list: (4, "string_list", pa.list_(pa.string())),
    dict: (5, "int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
}
_NO, _YES = False, True


def _bits(number: int) -> bytes:
    """Mark a number as int32: an enumeration or a mask."""
    return number.to_bytes(4, "little")


def _infos() -> dict[int, Any]:
    said: dict[int, Any] = {
        0: "trading-warehouse",
        1: version("trading-warehouse"),
        2: pa.__version__,
        3: _YES,  # read only
        4: _YES,  # SQL
        5: _NO,  # Substrait
        6: "",
        7: "",
        8: _bits(0),  # no transactions
        9: _NO,  # no cancellation: a client closes its stream
        100: _bits(int(KEPT_SECONDS * 1000)),
        101: _bits(0),
        **dict.fromkeys((500, 501, 502), _NO),  # no DDL
        503: _bits(1),  # names in any case
        504: '"',
        505: _bits(1),
        506: _YES,
        507: _bits(3),  # NULLs last
        **{number: [] for number in range(508, 513)},  # no lists of words
        513: "\\",
        514: "",
        515: _YES,
        516: _YES,
        517: {},
        518: _YES,
        519: _NO,
        520: _YES,
        521: _YES,
        522: _bits(3),
        523: _YES,
        524: _NO,
        525: _bits(7),
        526: _bits(7),
        527: _NO,
        528: _bits(4),  # full outer joins
        529: "schema",
        530: "",
        531: "",  # no catalogs
        532: _NO,
        533: _bits(0),
        534: _bits(0),
        535: _bits(0),
        536: _NO,
        537: _NO,
        538: _bits(15),
        539: _YES,
        540: _bits(3),
        **dict.fromkeys(range(541, 562), 0),  # no limits
        556: _NO,
        562: _bits(0),
        563: _NO,
        564: _bits(1),
        565: _NO,
        566: _NO,
        567: _bits(2),  # forward only
        **dict.fromkeys(range(568, 572), _bits(2)),  # read only
        **dict.fromkeys(range(572, 577), _NO),
    }
    return said


_INFOS = _infos()
_VALUE = pa.dense_union([pa.field(name, kind) for _, name, kind in _KINDS.values()])
SQL_INFO = pa.schema([pa.field("info_name", pa.uint32(), False), pa.field("value", _VALUE)])


def sql_info(wanted: Collection[int]) -> pa.Table:
    """Return the entries of these numbers that there are, or all where none is named."""
    found = {n: value for n, value in _INFOS.items() if n in wanted or not wanted}
    children: list[list[Any]] = [[] for _ in _KINDS]
    codes, offsets = [], []
    for value in found.values():
        code = _KINDS[type(value)][0]
        codes.append(code)
        offsets.append(len(children[code]))
        children[code].append(
            int.from_bytes(value, "little")
            if isinstance(value, bytes)
            else list(value.items())
            if isinstance(value, dict)
            else value
        )
    union = pa.UnionArray.from_dense(
        pa.array(codes, pa.int8()),
        pa.array(offsets, pa.int32()),
        [
            pa.array(child, kind)
            for child, (_, _, kind) in zip(children, _KINDS.values(), strict=True)
        ],
        [name for _, name, _ in _KINDS.values()],
    )
    return pa.Table.from_arrays([pa.array(list(found), pa.uint32()), union], schema=SQL_INFO)


def _type_fields() -> pa.Schema:
    required = {"type_name", "data_type", "nullable", "case_sensitive", "searchable"}
    required |= {"fixed_prec_scale", "sql_data_type"}
    fields = {
        "type_name": pa.string(),
        "data_type": pa.int32(),
        "column_size": pa.int32(),
        "literal_prefix": pa.string(),
        "literal_suffix": pa.string(),
        "create_params": pa.list_(pa.field("item", pa.string(), nullable=False)),
        "nullable": pa.int32(),
        "case_sensitive": pa.bool_(),
        "searchable": pa.int32(),
        "unsigned_attribute": pa.bool_(),
        "fixed_prec_scale": pa.bool_(),
        "auto_increment": pa.bool_(),
        "local_type_name": pa.string(),
        "minimum_scale": pa.int32(),
        "maximum_scale": pa.int32(),
        "sql_data_type": pa.int32(),
        "datetime_subcode": pa.int32(),
        "num_prec_radix": pa.int32(),
        "interval_precision": pa.int32(),
    }
    return pa.schema([pa.field(n, kind, n not in required) for n, kind in fields.items()])


XDBC_TYPES = _type_fields()
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


def xdbc_types(wanted: int | None) -> pa.Table:
    """Return the engine's types of this number, or all, by number and name."""
    rows = [
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
    return pa.Table.from_pylist(rows, schema=XDBC_TYPES)
