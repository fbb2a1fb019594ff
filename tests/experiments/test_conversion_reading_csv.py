"""A CSV is read whole and typed by all of its rows, or refused with file, line and its beginning."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.errors import CorruptionError
from parquetry.experiments.conversion.reading_csv import read_csv, read_header


def read(text):
    return read_csv(text if isinstance(text, bytes) else text.encode(), "runs/a.csv")


def column(*values):
    return read("x,n\n" + "".join(f"{value},1\n" for value in values)).frame["x"]


def refusal(text):
    with pytest.raises(CorruptionError) as caught:
        read(text)
    assert caught.value.path == "runs/a.csv"
    return str(caught.value)


def test_a_monitor_log_is_read_below_its_comment():
    table = read('#{"t_start": 1.5, "env_id": "CartPole-v1"}\nr,l,t\n17.0,17,0.05\n23.5,23,0.06\n')
    assert table.frame.rows() == [(17.0, 17, 0.05), (23.5, 23, 0.06)]
    assert table.frame.schema == {"r": pl.Float64, "l": pl.Int32, "t": pl.Float64}


@pytest.mark.parametrize(("sign"), [",", ";", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_the_delimiter_is_the_one_that_the_header_shows(sign, quote):
    table = read(f"a{sign}b\n{quote}1{quote}{sign}x\n")
    assert table.delimiter == sign
    assert table.frame.rows() == [(1, "x")]


def test_of_two_delimiters_in_the_header_the_one_that_fits_all_lines_is_taken():
    assert read("a,b;c\n1,2\n").frame.columns == ["a", "b;c"]
    assert read('a,b;c\n1,"2"\n').frame.columns == ["a", "b;c"]


def test_two_delimiters_that_both_fit_are_refused():
    assert "',' and ';'" in refusal("a,b;c\n1,2;3\n")


@pytest.mark.parametrize(
    ("values", "kind", "read_as"),
    [
        (["1", "-2", "+3"], pl.Int32, [1, -2, 3]),
        (["1", str(2**31)], pl.Int64, [1, 2**31]),
        (["1", str(2**64 - 1)], pl.UInt64, [1, 2**64 - 1]),
        (["1", "2.5"], pl.Float64, [1.0, 2.5]),
        (["1e-3", ".5", "2."], pl.Float64, [1e-3, 0.5, 2.0]),
        (["1", "inf", "-Infinity"], pl.Float64, [1.0, float("inf"), float("-inf")]),
        (["1", "", "NA", "None"], pl.Int32, [1, None, None, None]),
        (["True", "false"], pl.Boolean, [True, False]),
        (["2024-01-31", ""], pl.Date, [date(2024, 1, 31), None]),
        (["2024-01-31 10:00:01", "2024-01-31T10:00"], pl.Datetime("us"),
         [datetime(2024, 1, 31, 10, 0, 1), datetime(2024, 1, 31, 10)]),
        (["2024-01-31T10:00:00.5+02:00", "2024-01-31T10:00:00Z"], pl.Datetime("us", "UTC"),
         [datetime(2024, 1, 31, 8, 0, 0, 500000, UTC), datetime(2024, 1, 31, 10, tzinfo=UTC)]),
        (["1", "x"], pl.String, ["1", "x"]),
        (["007", "1"], pl.String, ["007", "1"]),
        (["x", "NA", ""], pl.String, ["x", "NA", None]),
        (["2024-02-31", "2024-02-28"], pl.String, ["2024-02-31", "2024-02-28"]),
        ([str(2**64), "1"], pl.String, [str(2**64), "1"]),
        (["12345678901234567", "0.5"], pl.String, ["12345678901234567", "0.5"]),
        (["", ""], pl.Null, [None, None]),
        ([" 1", "2 "], pl.Int32, [1, 2]),
        ([" a", "b "], pl.String, [" a", "b "]),
    ],
)  # fmt: skip
def test_the_type_fits_every_value(values, kind, read_as):
    found = column(*values)
    assert found.dtype == kind
    assert found.to_list() == read_as


def test_nan_is_a_number():
    assert column("nan", "1", "NaN").is_nan().to_list() == [True, False, True]


def test_a_late_row_widens_the_whole_column():
    found = column(*map(str, range(20_000)), "0.5")
    assert found.dtype == pl.Float64
    assert found[0] == 0
    assert found[-1] == 0.5


def test_a_word_among_numbers_makes_text_and_a_note():
    table = read("loss\n1\n2\ndiverged\n")
    assert table.frame["loss"].to_list() == ["1", "2", "diverged"]
    assert table.notes == ("the column 'loss' is text because of 'diverged' in its row 2",)


def test_decimal_commas_are_numbers_where_fields_end_otherwise():
    table = read("a;b\n1,5;2\n3;4\n")
    assert table.frame["a"].to_list() == [1.5, 3.0]
    assert "decimal commas" in table.notes[0]


def test_an_id_is_text_whatever_it_looks_like():
    frame = read("grid_id,seed\n1e234567,1\n12345678,2\n").frame
    assert frame["grid_id"].to_list() == ["1e234567", "12345678"]


def test_quoted_fields_hold_delimiters_quotes_lines_and_signs_of_comments():
    table = read('a,b\n# a comment\n1,"x,""y""\n# no comment\n\nz"\n\n2,"w"\n')
    assert table.frame.rows() == [(1, 'x,"y"\n# no comment\n\nz'), (2, "w")]
    assert table.notes == ("1 lines below the header begin with '#' and are comments",)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_marks_of_all_systems_are_read(end, mark):
    text = mark + end.join(["a,b", "1,2", "3,4", ""]).encode()
    assert read(text).frame.rows() == [(1, 2), (3, 4)]


def test_the_last_line_needs_no_end():
    assert read("a,b\n1,2").frame.rows() == [(1, 2)]


def test_line_separators_of_unicode_end_no_line():
    assert read("a,b\nx\u2028y\x0bz\x85,1\n").frame.rows() == [("x\u2028y\x0bz\x85", 1)]


def test_a_frame_s_nameless_index_gets_a_name_and_a_note():
    table = read(",a\n0,5\n1,6\n")
    assert table.frame.columns == ["index", "a"]
    assert "'index'" in table.notes[0]


@pytest.mark.parametrize(
    ("text", "line", "begins", "reason"),
    [
        ("a,b\n1,2\n3\n", 3, "3", "expected 2 fields as in the header, found 1"),
        ("# c\na,b\n\n1,2\n3,4,5\n", 5, "3,4,5", "expected 2 fields as in the header, found 3"),
        ('a,b\n1,"x"\n3\n', 3, "3", "expected 2 fields as in the header, found 1"),
        ('a,b\n1,"x\ny"\n3,4,5\n', 4, "3,4,5", "found 3"),
        ('a,b\n1,2\n2,"open\n3,4\n', 3, '2,"open', "none ends it"),
        ('a,b\n1,"x"y\n', 2, '1,"x"y', "expected after"),
        (b"a,b\n1,2\n3,\xff\n", 3, "3,\ufffd", "UTF-8"),
        (b"a,b\r\n1,2\r\n\0\0\0\0", 3, "\\x00", "NUL"),
        (b"\xff\xfea\0,\0b\0", 1, "", "UTF-16"),
        ("a,a\n1,2\n", 1, "a,a", "'a' more than once"),
        ("a,,b\n1,2,3\n", 1, "a,,b", "no name"),
        ("1.0,2.0\n3.0,4.0\n", 1, "1.0,2.0", "numbers only"),
    ],
)
def test_a_broken_line_is_named_with_its_number_and_beginning(text, line, begins, reason):
    message = refusal(text)
    assert f"runs/a.csv, line {line}: " in message
    assert f"begins '{begins}" in message or not begins
    assert reason in message
    assert "Nothing of this file was converted" in message


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n# comments\n"])
def test_a_file_without_a_header_is_refused(text):
    assert "no header" in refusal(text)


def test_a_header_without_rows_has_columns_and_no_rows():
    assert read("a,b\n").frame.shape == (0, 2)


def test_the_header_is_read_by_itself():
    assert read_header(b'# c\n"a b", c\n1,2\n', "a.csv") == ["a b", "c"]


@pytest.mark.parametrize("begins", ["x^2", "x\x01", "\x1f\x8b"])
def test_a_row_that_begins_like_a_compressed_file_is_text(begins):
    assert read(f"a,b\n{begins},1\n").frame.rows() == [(begins, 1)]


fields = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.lists(st.tuples(fields, fields), min_size=1, max_size=6))
def test_whatever_a_csv_writer_writes_is_read_back(rows):
    rows = [("x" + one.replace("\r", ""), "y" + two.replace("\r", "")) for one, two in rows]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([("a", "b"), *rows])
    assert read(buffer.getvalue()).frame.rows() == rows


plain = st.from_regex(r"[a-z0-9 .-]{1,6}", fullmatch=True)


@given(st.lists(st.tuples(plain, plain, plain), min_size=1, max_size=8))
def test_quotes_change_nothing_about_what_a_field_says(rows):
    bare = "a,b,c\n" + "".join(",".join(row) + "\n" for row in rows)
    quoted = "a,b,c\n" + "".join(",".join(f'"{field}"' for field in row) + "\n" for row in rows)
    assert read(bare).frame.equals(read(quoted).frame)
