"""The loop of tuning for one dataset, all seven steps. Each step stands in a file of its own.

```
1 observe     query_log      every question is logged by whoever asks it
2 understand  understanding  which kinds of question there are, and which columns they are about
3 propose     candidates/    layouts that could serve them, by RULES
4 price       costs/         what each would bring and take, on a sample; nothing is rewritten
5 decide      moving_rule    whether moving would have paid already
6 move        moving         a migration job, carried out here or by a worker
7 verify      verifying      does it read less, is it faster; if not, back
```

Routing (`routing/`, `bandits/`) and evaluation (`evaluation/`) go on with every question that follows.
`spacing` says when to go through the loop again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tuning.memory import settle
from parquetry.tuning.moving import carry_out
from parquetry.tuning.moving_rule import decide_for
from parquetry.tuning.proposing import propose_for
from parquetry.tuning.round import Round
from parquetry.tuning.spacing import Look
from parquetry.tuning.understanding import understand
from parquetry.tuning.verifying import judge, look_back

if TYPE_CHECKING:
    from parquetry.tuning.round import Aim
    from parquetry.tuning.tools import Tools


def tune_table(table: str, tools: Tools, aim: Aim) -> Round:
    """Go through the loop once for a dataset, and return what was seen and done.

    **Guarantees:** answers never change, and the dataset is whole whatever happens in between.

    **Cost:** footers and the sample, and of the log what is new; a migration if one is decided on.

    Args:
        table: The dataset.
        tools: What the steps work with; extensions are handed in here.
        aim: What is wanted: by the rule, or the best layout now.

    Raises:
        NotFoundError: There is no such dataset.
    """
    dataset = tools.dataset(table)
    look = Look(table, tools.metadata)
    tools.observe()  # 1
    settle(dataset, tools.metadata)  # what writing to the dataset has made of its layouts
    workload = understand(dataset, tools.metadata, tools.config)  # 2
    proposal = propose_for(  # 3, 4
        dataset, tools.metadata, tools.config, rules=tools.rules, is_anew=aim.is_asked
    )
    decision = decide_for(  # 5
        table,
        proposal,
        tools.metadata,
        tools.config,
        is_asked=aim.is_asked,
        looking_seconds=look.first_seconds,
    )
    with look.moving():
        job = carry_out(decision, dataset, tools, aim)  # 6
        verdict = judge(job, decision, dataset, tools)  # 7, of what was written now
    news = look_back(dataset, tools)  # 7, of what was written before
    look.end(decision.lacks_seconds, None if job else decision.due_seconds)
    return Round(table, workload, proposal, decision, job, verdict, news)
