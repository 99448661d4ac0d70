"""Reads lineage from a plan that DuckDB bound (`json_serialize_plan`, not optimized).

In such a plan each column is a place in what the operator below gives, so names, aliases,
`select *` and `union all by name` are resolved by the engine. An operator that is not known here is
an error: a wrong answer is worse than none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Node = Mapping[str, Any]  # of the plan: an operator or an expression


class Source(NamedTuple):
    """A column of a relation that a SELECT reads."""

    relation: str  # schema.name
    column: str


Sources = frozenset[Source]
NONE: Sources = frozenset()


class UnknownLineageError(Exception):
    """The plan has something whose lineage is not known here; the message names it."""


@dataclass(frozen=True)
class Column:
    """What one column is made of.

    made_from: columns whose values go into it. decided_by: columns that decide which value it gets:
    conditions of CASE, filters and order of aggregates and windows; at the end of a SELECT also
    what decides which rows there are. functions: names of functions and operators on the way.
    """

    made_from: Sources = NONE
    decided_by: Sources = NONE
    functions: frozenset[str] = frozenset()

    @property
    def all(self) -> Sources:
        """All that it depends on."""
        return self.made_from | self.decided_by

    def decided(self, by: Sources) -> "Column":
        """The same column, decided by these too."""
        return Column(self.made_from, self.decided_by | by, self.functions)


@dataclass(frozen=True)
class Rows:
    """What an operator gives: its columns in order, and what decides which rows there are.

    ordered_by: what they are ordered by, which decides nothing until some of them are taken.
    """

    columns: Sequence[Column]
    decided_by: Sources = NONE
    ordered_by: Sources = NONE

    @property
    def decided_or_ordered_by(self) -> Sources:
        """What decides, where an operator takes the first rows or counts them in order."""
        return self.decided_by | self.ordered_by


@dataclass
class _Reader:
    """Walks one plan; `ctes` are the rows of each CTE by its number."""

    ctes: dict[int, Rows] = field(default_factory=dict)

    def rows(self, node: Node) -> Rows:
        """The rows that an operator gives; raises UnknownLineageError."""
        kind = node["type"].removeprefix("LOGICAL_")
        read: Callable[[Node], Rows] | None = getattr(self, f"_{kind.lower()}", None)
        if read is None:
            raise UnknownLineageError(f"operator {kind}")
        return read(node)

    def _child(self, node: Node) -> Rows:
        (child,) = node["children"]
        return self.rows(child)

    # Relations, constants and CTEs

    def _get(self, node: Node) -> Rows:
        name = _name(node)
        if name != "seq_scan":
            below = [self.rows(child) for child in node["children"]]
            inputs = merged(column for rows in below for column in rows.columns)
            made = Column(inputs.made_from, inputs.decided_by, inputs.functions | {name})
            return Rows([made] * len(node["column_indexes"]), inputs.all)
        table = node["function_data"]
        relation = f"{table['schema']}.{table['table']}"
        sources = [
            Column(frozenset({Source(relation, node["names"][column["index"]])}))
            if column["index"] < len(node["names"])
            else Column()  # the place of a row, where only their number counts
            for column in node["column_indexes"]
        ]
        return Rows(_chosen(sources, node["projection_ids"]))

    def _dummy_scan(self, _: Node) -> Rows:
        return Rows([Column()])

    def _materialized_cte(self, node: Node) -> Rows:
        made, used = node["children"]
        self.ctes[node["table_index"]] = self.rows(made)
        return self.rows(used)

    def _recursive_cte(self, node: Node) -> Rows:
        """What a round adds is read from the round before, until nothing new is added."""
        first, next_round = node["children"]
        found = self.rows(first)
        while True:
            self.ctes[node["table_index"]] = found
            more = _united([found, self.rows(next_round)])
            if more == found:
                return found
            found = more

    def _cte_ref(self, node: Node) -> Rows:
        return self.ctes[node["cte_index"]]

    # Columns

    def _projection(self, node: Node) -> Rows:
        child = self._child(node)
        columns = [expression(it, child.columns) for it in node["expressions"]]
        return Rows(columns, child.decided_by, child.ordered_by)

    def _window(self, node: Node) -> Rows:
        child = self._child(node)
        made = [expression(it, child.columns) for it in node["expressions"]]
        return Rows([*child.columns, *made], child.decided_or_ordered_by)

    def _unnest(self, node: Node) -> Rows:
        """A list decides by its length how many rows there are."""
        child = self._child(node)
        made = [expression(it, child.columns) for it in node["expressions"]]
        return Rows([*child.columns, *made], child.decided_by | merged(made).all)

    def _aggregate_and_group_by(self, node: Node) -> Rows:
        child = self._child(node)
        groups = [expression(it, child.columns) for it in node["groups"]]
        made = [expression(it, child.columns) for it in node["expressions"]]
        groupings = [Column()] * len(node["grouping_functions"])
        by = child.decided_or_ordered_by | merged(groups).all
        return Rows([*groups, *made, *groupings], by)

    # Rows

    def _filter(self, node: Node) -> Rows:
        child = self._child(node)
        by = merged(expression(it, child.columns) for it in node["expressions"]).all
        columns = _chosen(child.columns, node["projection_map"])
        return Rows(columns, child.decided_by | by, child.ordered_by)

    def _distinct(self, node: Node) -> Rows:
        child = self._child(node)
        order = (node["order_by"] or {"orders": []})["orders"]
        keys = [*node["distinct_targets"], *(it["expression"] for it in order)]
        by = merged(expression(it, child.columns) for it in keys).all
        return Rows(child.columns, child.decided_or_ordered_by | by)

    def _order_by(self, node: Node) -> Rows:
        child = self._child(node)
        by = merged(expression(it["expression"], child.columns) for it in node["orders"]).all
        return Rows(_chosen(child.columns, node["projections"]), child.decided_by, by)

    def _limit(self, node: Node) -> Rows:
        if node["limit_val"]["expression"] or node["offset_val"]["expression"]:
            raise UnknownLineageError("LIMIT of an expression")
        child = self._child(node)
        return Rows(child.columns, child.decided_or_ordered_by)

    def _union(self, node: Node) -> Rows:
        """The engine has put the columns of each side into one order."""
        united = _united([self.rows(child) for child in node["children"]])
        if node["setop_all"]:
            return united
        return Rows(united.columns, united.decided_by | merged(united.columns).all)

    def _cross_product(self, node: Node) -> Rows:
        left, right = (self.rows(child) for child in node["children"])
        return Rows([*left.columns, *right.columns], left.decided_by | right.decided_by)

    def _comparison_join(self, node: Node) -> Rows:
        left, right = (self.rows(child) for child in node["children"])
        both = [*left.columns, *right.columns]
        conditions = [
            # one that is no comparison has no right side, and looks at the columns of both
            expression(it["left"], left.columns if it["right"] else both)
            for it in node["conditions"]
        ]
        conditions += [
            expression(it["right"], right.columns) for it in node["conditions"] if it["right"]
        ]
        return _joined(node, left, right, merged(conditions))

    _asof_join = _comparison_join

    def _any_join(self, node: Node) -> Rows:
        left, right = (self.rows(child) for child in node["children"])
        both = [*left.columns, *right.columns]
        return _joined(node, left, right, expression(node["condition"], both))


def lineage(plan: Node) -> Rows:
    """The columns that a bound SELECT gives, each decided by what decides its rows too.

    Raises UnknownLineageError where an operator or expression is not known here.
    """
    found = _Reader().rows(plan)
    return Rows([it.decided(found.decided_by) for it in found.columns], found.decided_by)


# What is in an expression beside its operands, by its class.
OPERANDS = {"BOUND_FUNCTION", "BOUND_OPERATOR", "BOUND_CONJUNCTION", "BOUND_AGGREGATE"}
# Their second argument says which row's first argument it is.
BY_ANOTHER = {"arg_max", "arg_min", "arg_max_null", "arg_min_null", "max_by", "min_by"}


def expression(node: Node, child: Sequence[Column]) -> Column:
    """The column that an expression makes of the columns of the operator below it."""
    kind = node["expression_class"]

    def own(part: Node) -> Column:
        return expression(part, child)

    def all_of(parts: Iterable[Node | None]) -> Column:
        return merged(own(part) for part in parts if part)

    if kind == "BOUND_REF":
        return child[node["index"]]
    if kind in {"BOUND_CONSTANT", "BOUND_LAMBDA"}:  # what a lambda captures is an operand beside it
        return Column()
    if kind == "BOUND_UNNEST":
        return own(node["child"])
    if kind == "BOUND_CASE":
        conditions = all_of(it["when_expr"] for it in node["case_checks"])
        values = [*(it["then_expr"] for it in node["case_checks"]), node["else_expr"]]
        made = all_of(values)
        # Where all values are constants the conditions are what it is made from.
        return made.decided(conditions.all) if made.made_from else merged([made, conditions])
    if kind not in {*OPERANDS, "BOUND_WINDOW"}:
        raise UnknownLineageError(f"expression {kind}")

    name = _name(node) if "qname" in node and node["qname"]["path"] else node["type"]
    operands = node["children"]
    if name == "error":  # gives no value
        return Column()
    by: list[Node | None] = []
    if name in BY_ANOTHER:
        operands, by = operands[:1], operands[1:]
    made = all_of(operands)
    if kind == "BOUND_AGGREGATE":
        by += [node["filter"], *_ordered(node["order_bys"])]
    if kind == "BOUND_WINDOW":
        by += [node["filters"], *node["partitions"], *_ordered(node), node["start_expr"]]
        by += [*_ordered({"orders": node["arg_orders"]}), node["end_expr"], node["offset_expr"]]
        made = merged([made, all_of([node["default_expr"]])])
    made = made.decided(all_of(by).all)
    return Column(made.made_from, made.decided_by, made.functions | {name})


def merged(columns: Iterable[Column]) -> Column:
    """A column that is made of all of these."""
    all_of = list(columns)
    return Column(
        NONE.union(*(it.made_from for it in all_of)),
        NONE.union(*(it.decided_by for it in all_of)),
        frozenset().union(*(it.functions for it in all_of)),
    )


def _united(sides: Sequence[Rows]) -> Rows:
    columns = [merged(own) for own in zip(*(side.columns for side in sides), strict=True)]
    return Rows(columns, NONE.union(*(side.decided_by for side in sides)))


def _joined(node: Node, left: Rows, right: Rows, condition: Column) -> Rows:
    """What a join gives; its condition and the rows of both sides decide which rows there are."""
    by = left.decided_by | right.decided_by | condition.all
    columns = _chosen(left.columns, node["left_projection_map"])
    kind = node["join_type"]
    if kind in {"INNER", "LEFT", "RIGHT", "OUTER", "FULL", "SINGLE"}:
        return Rows([*columns, *_chosen(right.columns, node["right_projection_map"])], by)
    if kind in {"SEMI", "ANTI"}:
        return Rows(columns, by)
    if kind == "MARK":  # says of each row whether it is among those of the right side
        return Rows([*columns, condition.decided(right.decided_by)], left.decided_by)
    raise UnknownLineageError(f"{kind} join")


def _chosen(columns: Sequence[Column], places: Sequence[int]) -> Sequence[Column]:
    """Those at these places; all where none is named."""
    return [columns[place] for place in places] if places else columns


def _name(node: Node) -> str:
    return str(node["qname"]["path"][-1])


def _ordered(node: Node | None) -> list[Node]:
    return [it["expression"] for it in node["orders"]] if node else []
