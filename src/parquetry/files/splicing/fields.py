"""The numbers of the Thrift fields that splicing looks at, by the names the format gives them.

Source: `parquet.thrift` of apache/parquet-format. Fields that are not named here are carried along
unread.
"""

from __future__ import annotations


class FileMetaData:
    """The footer."""

    VERSION = 1
    SCHEMA = 2
    NUM_ROWS = 3
    ROW_GROUPS = 4
    KEY_VALUE_METADATA = 5
    CREATED_BY = 6
    COLUMN_ORDERS = 7
    ENCRYPTION_ALGORITHM = 8
    FOOTER_SIGNING_KEY_METADATA = 9


class SchemaElement:
    """A node of the schema tree, listed depth first."""

    TYPE = 1
    TYPE_LENGTH = 2
    REPETITION_TYPE = 3
    NAME = 4
    NUM_CHILDREN = 5
    CONVERTED_TYPE = 6
    SCALE = 7
    PRECISION = 8
    FIELD_ID = 9
    LOGICAL_TYPE = 10


class RowGroup:
    """Some rows of all columns."""

    COLUMNS = 1
    TOTAL_BYTE_SIZE = 2
    NUM_ROWS = 3
    SORTING_COLUMNS = 4
    FILE_OFFSET = 5
    TOTAL_COMPRESSED_SIZE = 6
    ORDINAL = 7


class SortingColumn:
    """One key of a row group's sort order."""

    COLUMN_IDX = 1


class ColumnChunk:
    """One column of a row group, and where its indexes stand."""

    FILE_PATH = 1
    FILE_OFFSET = 2
    META_DATA = 3
    OFFSET_INDEX_OFFSET = 4
    OFFSET_INDEX_LENGTH = 5
    COLUMN_INDEX_OFFSET = 6
    COLUMN_INDEX_LENGTH = 7
    CRYPTO_METADATA = 8
    ENCRYPTED_COLUMN_METADATA = 9
    INDEX_PLACES = (4, 5, 6, 7)
    ELSEWHERE = (1, 8, 9)  # what they tell stands in another file, or is hidden


class ColumnMetaData:
    """What a column chunk holds, and where its pages stand."""

    TYPE = 1
    ENCODINGS = 2
    PATH_IN_SCHEMA = 3
    CODEC = 4
    NUM_VALUES = 5
    TOTAL_UNCOMPRESSED_SIZE = 6
    TOTAL_COMPRESSED_SIZE = 7
    DATA_PAGE_OFFSET = 9
    INDEX_PAGE_OFFSET = 10
    DICTIONARY_PAGE_OFFSET = 11
    STATISTICS = 12
    BLOOM_FILTER_OFFSET = 14
    BLOOM_FILTER_LENGTH = 15
    PAGE_PLACES = (9, 10, 11)
    DESCRIBING_PAGES = (13, 16, 17)  # their encodings, sizes and geometries


class Statistics:
    """Bounds and counts of a column chunk; 1 and 2 are the old bounds, 5 and 6 the ordered ones."""

    MAX = 1
    MIN = 2
    NULL_COUNT = 3
    DISTINCT_COUNT = 4
    MAX_VALUE = 5
    MIN_VALUE = 6
    IS_MAX_VALUE_EXACT = 7
    IS_MIN_VALUE_EXACT = 8
    NAN_COUNT = 9
    BOUNDS = (1, 2, 5, 6, 7, 8)


class KeyValue:
    """An entry of the file's key-value metadata."""

    KEY = 1
    VALUE = 2


class OffsetIndex:
    """Where the pages of a chunk stand."""

    PAGE_LOCATIONS = 1


class PageLocation:
    """Where one page stands."""

    OFFSET = 1
    COMPRESSED_PAGE_SIZE = 2
    FIRST_ROW_INDEX = 3


class ColumnIndex:
    """Bounds of the pages of a chunk."""

    NULL_PAGES = 1
    MIN_VALUES = 2
    MAX_VALUES = 3
    BOUNDARY_ORDER = 4
    NULL_COUNTS = 5


class PageHeader:
    """What stands before the bytes of a page."""

    TYPE = 1
    UNCOMPRESSED_PAGE_SIZE = 2
    COMPRESSED_PAGE_SIZE = 3
    CRC = 4
    DATA_PAGE_HEADER = 5
    DICTIONARY_PAGE_HEADER = 7


class DataPageHeader:
    """What a data page of the first version is."""

    NUM_VALUES = 1
    ENCODING = 2
    DEFINITION_LEVEL_ENCODING = 3
    REPETITION_LEVEL_ENCODING = 4


class DictionaryPageHeader:
    """What a dictionary page is."""

    NUM_VALUES = 1
    ENCODING = 2
    IS_SORTED = 3


class Encoding:
    """How values or levels are written."""

    PLAIN = 0
    PLAIN_DICTIONARY = 2
    RLE = 3
    DELTA_BINARY_PACKED = 5
    RLE_DICTIONARY = 8
