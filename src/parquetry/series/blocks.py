"""Time, cut into the pieces that are solved at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from parquetry.errors import ParameterError

Mode = Literal["frontal", "sequential-subproblems", "parallel-subproblems"]


@dataclass(frozen=True, slots=True)
class ResolutionConfig:
    """How a study is cut into problems.

    Args:
        mode: "frontal" solves everything at once; "sequential-subproblems" solves each scenario block
            by block, and each starts where the one before it ended; "parallel-subproblems" solves
            every block of every scenario by itself.
        block_length: Steps of a block; only frontal does without.
        block_overlap: Steps that a block looks ahead: solved here, but the next block's results count.
        carry_over_length: Steps at the end of what a block keeps whose state the next block needs; with
            0 nothing is handed on.
        blocks_per_batch: Blocks of a scenario that travel to a worker together, in parallel mode.

    Raises:
        ParameterError: The lengths contradict each other.
    """

    mode: Mode = "frontal"
    block_length: int | None = None
    block_overlap: int = 0
    carry_over_length: int = 1
    blocks_per_batch: int = 1

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            modes = ", ".join(get_args(Mode))
            raise ParameterError(f"There is no mode {self.mode!r}. The modes are: {modes}.")
        if self.blocks_per_batch < 1:
            raise ParameterError(f"A batch has at least one block, not {self.blocks_per_batch}.")
        if self.mode != "frontal":
            self._check_lengths()

    def _check_lengths(self) -> None:
        length, overlap, carry = self.block_length, self.block_overlap, self.carry_over_length
        if length is None or length < 1:
            raise ParameterError(
                f"The mode {self.mode!r} needs a block_length of at least one step, not {length}."
            )
        if not 0 <= overlap < length:
            raise ParameterError(
                f"block_overlap must be 0 to {length - 1} for blocks of {length} steps, not {overlap}: "
                "each block has to go on by at least one step."
            )
        if not 0 <= carry <= length - overlap:
            raise ParameterError(
                f"carry_over_length must be 0 to {length - overlap}, the steps that a block of {length} "
                f"with an overlap of {overlap} keeps, not {carry}."
            )


@dataclass(frozen=True, slots=True)
class Block:
    """Some consecutive steps that are solved at once.

    Args:
        index: 0 for the first block.
        first: The first step.
        last: The last step, inclusive.
        kept_last: The last step whose results count, inclusive; what follows is look-ahead.
        carry_over_length: Steps at the end of the kept ones whose state goes to the next block.
    """

    index: int
    first: int
    last: int
    kept_last: int
    carry_over_length: int = 1

    @property
    def timesteps(self) -> range:
        """All steps to solve."""
        return range(self.first, self.last + 1)

    @property
    def kept(self) -> range:
        """The steps whose results count."""
        return range(self.first, self.kept_last + 1)

    @property
    def carried(self) -> range:
        """The steps whose state the next block needs."""
        return range(
            max(self.first, self.kept_last + 1 - self.carry_over_length), self.kept_last + 1
        )

    def __str__(self) -> str:
        return f"block {self.index} (steps {self.first} to {self.last})"


def plan_blocks(first: int, last: int, config: ResolutionConfig) -> list[Block]:
    """Return the blocks from the first to the last step, both inclusive.

    Every step is kept by exactly one block; the last block may be shorter than the others.
    """
    if config.mode == "frontal" or config.block_length is None:
        return [Block(0, first, last, last, config.carry_over_length)]
    stride = config.block_length - config.block_overlap
    blocks = []
    for index, start in enumerate(range(first, last + 1, stride)):
        end = start + config.block_length - 1
        if end >= last:
            blocks.append(Block(index, start, last, last, config.carry_over_length))
            break
        blocks.append(Block(index, start, end, start + stride - 1, config.carry_over_length))
    return blocks
