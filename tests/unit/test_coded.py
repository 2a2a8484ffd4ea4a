"""Columns by their levels: what stands in them is what was given, and what they share stays shared."""

import numpy as np
import pytest
from gravida.models.coded import Coded, alike, cut, narrow

NUMBERS = np.array([3.0, np.nan, 0.1, 3.0, -0.0, 0.0])


def test_a_column_holds_what_it_was_made_of() -> None:
    column = Coded.of(NUMBERS)
    np.testing.assert_array_equal(column.data, NUMBERS)
    assert column.missing.tolist() == [False, True, False, False, False, False]
    assert column.where(3.0).tolist() == [True, False, False, True, False, False]
    np.testing.assert_array_equal(column.at(slice(1, 3)), NUMBERS[1:3])


@pytest.mark.parametrize(
    ("size", "kind"), [(0, "u1"), (256, "u1"), (257, "u2"), (65536, "u2"), (65537, "u4")]
)
def test_numbers_take_the_narrowest_type_that_holds_the_last(size: int, kind: str) -> None:
    number = np.arange(max(size, 1))
    assert narrow(number, size).dtype == np.dtype(kind)
    assert (narrow(number, size) == number).all()


def test_columns_of_one_source_are_cut_together() -> None:
    number = np.array([0, 1, 2, 1], dtype=np.uint8)
    given = [Coded(np.eye(3)[0], number), Coded.of(np.arange(4.0)), Coded(np.eye(3)[2], number)]
    first, own, second = cut(given, np.array([True, False, True, True]))
    assert first.number is second.number is not own.number
    assert [each.data.tolist() for each in (first, own, second)] == [[1, 0, 0], [0, 2, 3], [0, 1, 0]]


@pytest.mark.parametrize("few", [False, True])
def test_rows_are_alike_where_every_column_is(few: bool) -> None:
    rng = np.random.default_rng(1)
    columns = [rng.integers(0, 5, 2000) / 2 for _ in range(3)]
    columns.append(np.floor(columns[0]).astype(int))
    number, row = alike([Coded.of(column) for column in columns], few)
    together = np.column_stack(columns)
    assert row.size == len(np.unique(together, axis=0))
    np.testing.assert_array_equal(together[row[number]], together)


def test_looking_for_few_patterns_stops_where_there_are_many() -> None:
    rng = np.random.default_rng(1)
    columns = [Coded.of(rng.integers(0, 50, 1000)) for _ in range(3)]
    assert alike(columns, few=True)[1].size < alike(columns)[1].size
