"""The messages of Arrow Flight SQL (Apache Arrow's format/FlightSql.proto) that the server knows.

No maintained package has them for Python. A field is `kind name`, numbered by its place; `*` means
repeated. Every message travels inside a `google.protobuf.Any`.
"""

from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from python_ingest.errors import QueryError

_PACKAGE = "arrow.flight.protocol.sql"
_URL = f"type.googleapis.com/{_PACKAGE}."
_LONGEST = 1_000_000
_KEYS_OF_TABLE = "string catalog, string db_schema, string table"
_FIELDS = {
    "CommandGetSqlInfo": "*uint32 info",
    "CommandGetXdbcTypeInfo": "int32 data_type",
    "CommandGetCatalogs": "",
    "CommandGetDbSchemas": "string catalog, string db_schema_filter_pattern",
    "CommandGetTables": "string catalog, string db_schema_filter_pattern,"
    " string table_name_filter_pattern, *string table_types, bool include_schema",
    "CommandGetTableTypes": "",
    "CommandGetPrimaryKeys": _KEYS_OF_TABLE,
    "CommandGetExportedKeys": _KEYS_OF_TABLE,
    "CommandGetImportedKeys": _KEYS_OF_TABLE,
    "CommandGetCrossReference": "string pk_catalog, string pk_db_schema, string pk_table,"
    " string fk_catalog, string fk_db_schema, string fk_table",
    "CommandStatementQuery": "string query, bytes transaction_id",
    "CommandPreparedStatementQuery": "bytes prepared_statement_handle",
    "ActionCreatePreparedStatementRequest": "string query, bytes transaction_id",
    "ActionCreatePreparedStatementResult": "bytes prepared_statement_handle,"
    " bytes dataset_schema, bytes parameter_schema",
    "ActionClosePreparedStatementRequest": "bytes prepared_statement_handle",
}


def _classes() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(
        name="flight_sql.proto", package=_PACKAGE, syntax="proto3"
    )
    field_type = descriptor_pb2.FieldDescriptorProto
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, field in enumerate(filter(None, fields.split(", ")), start=1):
            kind, field_name = field.split()
            declared = message.field.add(
                name=field_name,
                number=number,
                type=field_type.Type.Value(f"TYPE_{kind.removeprefix('*').upper()}"),
                label=field_type.LABEL_REPEATED,
            )
            if not kind.startswith("*"):
                # All are `optional`, so that an absent text is told from an empty one.
                declared.label, declared.proto3_optional = field_type.LABEL_OPTIONAL, True
                declared.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field_name}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _FIELDS
    }


_CLASSES = _classes()


def packed(name: str, **fields: Any) -> bytes:
    """Return a message as it is sent."""
    message = _CLASSES[name](**fields)
    envelope = any_pb2.Any(type_url=f"{_URL}{name}", value=message.SerializeToString())
    sent: bytes = envelope.SerializeToString()
    return sent


def unpacked(sent: bytes) -> tuple[str, Any]:
    """Return the name and the message; None for a message of Flight SQL that is not in the table.

    Raises QueryError for anything else.
    """
    if len(sent) > _LONGEST:
        raise QueryError(f"the command is longer than {_LONGEST} bytes")
    try:
        envelope = any_pb2.Any.FromString(sent)
        package, _, name = envelope.type_url.rpartition("/")[2].rpartition(".")
        if package != _PACKAGE:
            raise ValueError("no message of Flight SQL")
        if name not in _CLASSES:
            return name, None
        return name, _CLASSES[name].FromString(envelope.value)
    except (DecodeError, ValueError) as error:
        raise QueryError(
            "neither a command of Arrow Flight SQL nor a ticket of ingest serve"
            f" (docs/serving.md): {type(error).__name__}"
        ) from None


def given(message: Any, field: str) -> str | None:
    """Return the value of an optional field, or None where it is absent."""
    return getattr(message, field) if message.HasField(field) else None
