"""Broken and hostile files are found out by a child process, which may die of them."""

from __future__ import annotations

import os
import random
import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry.errors import StorageError
from parquetry.files import verifying
from parquetry.files.verifying import Question, examine_files, hash_file


def write(path: Path, table: pa.Table | None = None, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table or pa.table({"value": list(range(1000))}), path, **options)
    return path


def look(*paths: Path, deep: bool = False, keys=None, **limits):
    questions = [Question(str(p), os.path.getsize(p), keys or {}) for p in paths]
    return list(examine_files(questions, deep=deep, **limits))


def problems(*paths: Path, deep: bool = False) -> list[str | None]:
    return [examination.problem for examination in look(*paths, deep=deep)]


@pytest.mark.parametrize("deep", [False, True])
def test_a_sound_file_has_no_problem_and_says_its_rows_and_schema(tmp_path, deep):
    (seen,) = look(write(tmp_path / "x.parquet", write_page_checksum=True), deep=deep)
    assert (seen.problem, seen.rows) == (None, 1000)
    assert seen.schema.equals(pa.schema([("value", pa.int64())]))


def test_what_is_no_whole_parquet_file_is_told_apart(tmp_path):
    whole = write(tmp_path / "whole.parquet").read_bytes()
    cases = {
        "zero-bytes": b"",
        "not-parquet": b"a,b\n1,2\n",
        "truncated": whole[: len(whole) // 2],
        "encrypted": b"PARE" + whole[4:-4] + b"PARE",
        "unreadable": whole[:-60] + bytes(52) + whole[-8:],
    }
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
    assert problems(*(tmp_path / name for name in cases)) == list(cases)


def test_a_footer_that_claims_to_be_longer_than_its_file_is_not_parsed(tmp_path):
    path = write(tmp_path / "x.parquet")
    path.write_bytes(path.read_bytes()[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1")
    (seen,) = look(path)
    assert seen.problem == "truncated"
    assert "2147483647 bytes long" in seen.text


def test_a_file_that_went_and_a_file_that_may_not_be_read_are_told_apart(tmp_path):
    (tmp_path / "folder").mkdir()
    asked = [Question(str(tmp_path / "gone"), 1), Question(str(tmp_path / "folder"), 1)]
    assert [e.problem for e in examine_files(asked)] == ["gone", "unreadable"]


def test_a_flipped_bit_is_found_by_its_checksum_and_only_deep(tmp_path):
    path = write(tmp_path / "x.parquet", write_page_checksum=True, compression="none")
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    assert problems(path) == [None]
    (seen,) = look(path, deep=True)
    assert seen.problem == "damaged"
    assert "CRC" in seen.text


def test_a_file_that_kills_its_reader_is_a_finding_and_the_next_is_read(tmp_path, monkeypatch):
    fake = tmp_path / "modules"
    fake.mkdir()
    (fake / "deadly.py").write_text(
        "import os, sys\n"
        "from parquetry.files import examining\n"
        "real = examining.examine\n"
        "def examine(path, keys, *, deep):\n"
        "    if 'deadly' in path: print('terminate called', file=sys.stderr, flush=True); os.abort()\n"
        "    if 'endless' in path:\n"
        "        while True: pass\n"
        "    if 'greedy' in path: bytearray(8 << 30)\n"
        "    return real(path, keys, deep=deep)\n"
        "examining.examine = examine\n"
        "examining.main()\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(fake)])
    monkeypatch.setattr(verifying, "_MODULE", "deadly")
    monkeypatch.setattr(verifying, "_PATIENCE_SECONDS", 1.0)
    names = ["a", "deadly", "b", "endless", "c", "greedy", "d"]
    seen = look(*(write(tmp_path / f"{name}.parquet") for name in names))
    assert [e.problem for e in seen] == [None, "crash", None, "timeout", None, "memory", None]
    assert "signal 6" in seen[1].text
    assert "terminate called" in seen[1].text


def test_a_process_that_cannot_be_started_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(verifying, "_MODULE", "parquetry.no_such_module")
    with pytest.raises(StorageError, match=r"No process could be started.*no_such_module"):
        look(write(tmp_path / "x.parquet"))


def test_a_name_that_is_no_text_can_be_looked_into(tmp_path):
    odd = os.fsencode(write(tmp_path / "x.parquet")).replace(b"x.parquet", b"\xff.parquet")
    os.rename(tmp_path / "x.parquet", odd)
    (seen,) = look(Path(os.fsdecode(odd)), deep=True)
    assert (seen.problem, seen.rows) == (None, 1000)


@pytest.mark.parametrize(
    ("column", "text", "found"),
    [
        ([1, 1], "1", None),
        ([1, 1], "2", "its value is '1'"),
        ([1, 2], "1", "its values range from '1' to '2'"),
        ([1, None], "1", "1 of its values are NULL"),
        ([None, None], "1", "2 of its values are NULL"),
        ([1, 1], "x", "the folder value 'x' is no int64, which is the column's type"),
        ([1, 1], None, "it holds values"),
        ([None, None], None, None),
        (["a", "a"], "a", None),
        (["01", "01"], "1", "its value is '01'"),
        (["x" * 80, "x" * 80 + "y"], "x" * 80, None),  # some writers cut such bounds short
        ([1.5, 1.5], "1.5", None),
        ([True, True], "false", "its value is 'true'"),
        ([b"a", b"a"], "b", None),
        ([[1], [1]], "1", None),
    ],
)
def test_a_column_that_contradicts_its_folder_is_seen_in_its_statistics(
    tmp_path, column, text, found
):
    kind = pa.int64() if column == [None, None] else None
    path = write(tmp_path / "x.parquet", pa.table({"k": pa.array(column, kind)}))
    (seen,) = look(path, keys={"k": text, "absent": "1"})
    assert seen.disagreements.get("k") == found
    assert set(seen.disagreements) <= {"k"}


def test_categories_are_compared_as_the_text_they_are(tmp_path):
    column = pa.array(["a", "a"]).dictionary_encode()
    path = write(tmp_path / "x.parquet", pa.table({"k": column}))
    assert look(path, keys={"k": "a"})[0].disagreements == {}
    assert look(path, keys={"k": "b"})[0].disagreements == {"k": "its value is 'a'"}


def test_the_formats_own_corrupted_files_are_found(real_data):
    folder = real_data / "parquet-testing" / "data"
    known = {
        "datapage_v1-corrupt-checksum.parquet": "damaged",
        "rle-dict-uncompressed-corrupt-checksum.parquet": "damaged",
        "incorrect_map_schema.parquet": "unreadable",
        "repeated_no_annotation.parquet": "row-count",
        "encrypt_columns_plaintext_footer.parquet.encrypted": "encrypted",
        "uniform_encryption.parquet.encrypted": "encrypted",
        "datapage_v1-snappy-compressed-checksum.parquet": None,
        "alltypes_plain.parquet": None,
        "nested_lists.snappy.parquet": None,
    }
    found = problems(*(folder / name for name in known), deep=True)
    assert dict(zip(known, found, strict=True)) == known


def test_a_fuzzed_file_never_ends_more_than_its_child(tmp_path):
    """Whatever a hundred random changes make of a footer, the parent gets an answer for each."""
    whole = write(tmp_path / "whole.parquet", write_page_checksum=True).read_bytes()
    chance = random.Random(7)
    paths = []
    for number in range(100):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(whole) - 700, len(whole) - 8)
            content[place] = chance.randrange(256)
        paths.append(tmp_path / f"{number}.parquet")
        paths[-1].write_bytes(content)
    assert len(look(*paths, deep=True)) == 100


def test_a_checksum_is_that_of_the_bytes_and_none_for_a_file_that_is_gone(tmp_path):
    path = write(tmp_path / "x.parquet")
    copy = shutil.copy(path, tmp_path / "copy")
    assert hash_file(str(path)) == hash_file(str(copy))
    assert len(hash_file(str(path))) == 64
    assert hash_file(str(tmp_path / "gone")) is None
