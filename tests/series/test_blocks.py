"""Every step is solved, and kept by exactly one block."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.errors import ParameterError
from parquetry.series.blocks import Block, ResolutionConfig, plan_blocks


@st.composite
def cuts(draw):
    first = draw(st.integers(0, 50))
    last = first + draw(st.integers(0, 100))
    length = draw(st.integers(1, 40))
    overlap = draw(st.integers(0, length - 1))
    carry = draw(st.integers(0, length - overlap))
    return first, last, length, overlap, carry


@given(cuts())
def test_every_step_is_kept_by_exactly_one_block_also_the_last(cut):
    first, last, length, overlap, carry = cut
    config = ResolutionConfig("sequential-subproblems", length, overlap, carry)
    blocks = plan_blocks(first, last, config)
    assert [step for block in blocks for step in block.kept] == list(range(first, last + 1))
    assert [block.index for block in blocks] == list(range(len(blocks)))
    for block in blocks[:-1]:
        assert len(block.timesteps) == length
        assert len(block.carried) == carry
        assert block.timesteps[: len(block.kept)] == block.kept
    assert 1 <= len(blocks[-1].timesteps) <= length


def test_the_last_step_is_solved_when_the_span_is_a_multiple_of_the_block():
    blocks = plan_blocks(0, 8, ResolutionConfig("parallel-subproblems", 4))
    assert [(block.first, block.last) for block in blocks] == [(0, 3), (4, 7), (8, 8)]


def test_a_year_of_weeks_ends_with_a_day():
    blocks = plan_blocks(0, 8759, ResolutionConfig("sequential-subproblems", 168))
    assert len(blocks) == 53
    assert (blocks[-1].first, blocks[-1].last) == (8736, 8759)


def test_frontal_is_one_block():
    assert plan_blocks(2, 9, ResolutionConfig()) == [Block(0, 2, 9, 9)]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"mode": "sideways"}, "The modes are: frontal"),
        ({"mode": "parallel-subproblems"}, "needs a block_length"),
        ({"mode": "parallel-subproblems", "block_length": 0}, "needs a block_length"),
        ({"mode": "sequential-subproblems", "block_length": 4, "block_overlap": 4}, "0 to 3"),
        ({"mode": "sequential-subproblems", "block_length": 4, "block_overlap": -1}, "0 to 3"),
        (
            {
                "mode": "sequential-subproblems",
                "block_length": 4,
                "block_overlap": 2,
                "carry_over_length": 3,
            },
            "0 to 2",
        ),
        ({"blocks_per_batch": 0}, "at least one block"),
    ],
)
def test_lengths_that_contradict_each_other_are_refused(arguments, reason):
    with pytest.raises(ParameterError, match=reason):
        ResolutionConfig(**arguments)
