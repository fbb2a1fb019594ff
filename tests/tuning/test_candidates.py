"""Rules propose what serves a workload, and nothing that a table forbids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from parquetry.model.layouts import INITIAL, Layout, PartitionKey
from parquetry.tuning.candidates.blooms import bloom_filters
from parquetry.tuning.candidates.codecs import faster_codecs
from parquetry.tuning.candidates.curves import along_curve, space_filling_curves
from parquetry.tuning.candidates.cuts import query_driven_cuts
from parquetry.tuning.candidates.files import larger_files
from parquetry.tuning.candidates.partitions import partition_keys
from parquetry.tuning.candidates.proposing import RULES, propose
from parquetry.tuning.candidates.row_groups import row_group_sizes
from parquetry.tuning.candidates.situation import Hints
from parquetry.tuning.candidates.sorts import lexicographic_sorts
from parquetry.tuning.samples import Sample
from tuning.orders import day, orders, questions, situation, take

ROWS = 60_000


@pytest.fixture(scope="module")
def sample():
    """Return a sample of a hundred million orders."""
    some = take(orders(ROWS), 20_000)
    rows = 100_000_000
    return Sample(some.table, rows, rows * 30, dict.fromkeys(some.table.column_names, 4 * rows))


def test_one_column_that_is_looked_up_leads_and_time_follows(sample):
    found = propose(situation(sample, questions(10)["customer"]))
    assert found[0].sort_by == ("customer", "day")


def test_a_column_of_few_values_leads_where_another_one_behind_it_pays(sample):
    sorts = list(lexicographic_sorts(situation(sample, questions(10)["mode in a month"]), ()))
    assert any(one.sort_by[:2] == ("mode", "day") for one in sorts)


def test_nothing_is_proposed_where_no_condition_tells_rows_apart(sample):
    assert propose(situation(sample, [])) == []
    assert propose(situation(sample, ["price >= 0", "price < 5000"])) == []


def grouping(sample, *keys):
    here = situation(sample, ["price >= 0"])
    wishes = tuple(
        replace(wish, asked=replace(wish.asked, group_keys=keys)) for wish in here.wishes
    )
    return replace(here, wishes=wishes)


def test_what_questions_of_all_rows_group_by_leads_if_there_are_many_groups(sample):
    found = propose(grouping(sample, "customer", "mode"))
    assert found[0].sort_by == ("customer", "day")
    here = grouping(sample, "customer", "mode")
    assert here.seconds(found[0]) < 0.9 * here.seconds(Layout())


def test_few_groups_are_no_reason_for_a_layout(sample):
    assert propose(grouping(sample, "mode")) == []


def test_several_columns_are_served_together_by_a_curve_or_by_cuts(sample):
    kinds = questions(15)
    here = situation(sample, [*kinds["prices"], *kinds["span"], *kinds["customers since"]])
    best = propose(here)[0]
    single = min(situation_cost(here, column) for column in ("price", "day", "customer"))
    assert best.curve or best.cuts or best.partition_by
    assert here.seconds(best) < 0.8 * single


def situation_cost(here, column):
    return here.seconds(Layout(sort_by=(column,)))


def test_curves_run_through_pairs_and_threes_of_hot_columns(sample):
    kinds = questions(5)
    here = situation(sample, [*kinds["prices"], *kinds["span"], *kinds["customers since"]])
    found = list(space_filling_curves(here, ()))
    assert {one.curve for one in found} == {"hilbert", "z-order"}
    assert {len(one.sort_by) for one in found} == {2, 3}
    assert all(len(q.values) in {63, 255} for one in found for q in one.quantiles)


def test_the_quantiles_of_a_column_of_few_values_are_its_values(sample):
    layout = along_curve(situation(sample, ["price > 1"]), ("mode", "discount"))
    assert layout.quantiles[0].values == ("MAIL", "RAIL", "SHIP", "TRUCK")
    assert layout.quantiles[1].values == (2, 3, 4, 5, 6, 7, 8, 9)


def test_a_column_of_one_value_has_no_curve(sample):
    one = Sample(sample.table.slice(0, 1), 1, 30, {})
    assert along_curve(situation(one, ["price > 1"]), ("price", "day")) is None


def test_cuts_follow_the_conditions_that_are_asked_again_and_again(sample):
    asked = [
        f"price BETWEEN 100 AND 110 AND day >= {day(600)}",
        "mode = 'RAIL'",
        "customer < 2500",
    ]
    here = situation(sample, asked)
    [layout] = query_driven_cuts(here, ())
    assert {cut.column for cut in layout.cuts} >= {"price", "mode"}
    arrival = here.seconds_each(Layout())
    assert (here.seconds_each(layout) < 0.35 * arrival).all()


def test_cuts_leave_leaves_that_fill_a_row_group(sample):
    here = situation(sample, questions(60)["customer"])
    [layout] = query_driven_cuts(here, ()) or [Layout()]
    counts = np.bincount(leaves(sample, layout))
    assert counts.min() >= 61_440 * sample.fraction - 1


def leaves(sample, layout):
    """Return the leaf of each row of the sample."""
    from parquetry.tuning.ordering.terms import cut_key

    found = sample._duck.execute(f"SELECT {cut_key(layout)} AS leaf FROM sample").fetchnumpy()
    return found["leaf"].astype(int)


def test_partitions_are_large_and_few_and_never_forbidden(sample):
    here = situation(sample, questions(10)["mode in a month"])
    sorts = [Layout(sort_by=("day",)), Layout(sort_by=("mode", "day"))]
    keys = {one.partition_by[0] for one in partition_keys(here, sorts)}
    assert keys == {PartitionKey("day", "month"), PartitionKey("mode")}
    forbidden = replace(here, hints=Hints(forbidden_partitions=frozenset({"mode", "day"})))
    assert list(partition_keys(forbidden, sorts)) == []
    small = replace(here, sample=Sample(sample.table, 1_500_000, 10**8, {}))
    assert list(partition_keys(small, sorts)) == []


def test_a_partition_key_does_not_sort_within_its_partition(sample):
    here = situation(sample, questions(10)["mode in a month"])
    for layout in partition_keys(here, [Layout(sort_by=("mode", "day"))]):
        assert layout.partition_by[0].truncate or "mode" not in layout.sort_by


def test_many_tiny_files_become_large_ones_in_the_order_of_their_folders(sample):
    here = situation(sample, questions(3)["customer"])
    assert list(larger_files(here, ())) == []
    many = replace(here, hints=Hints(files=5_000, folder_keys=("mode", "not there")))
    [layout] = larger_files(many, ())
    assert layout.sort_by == ("mode", "day")


def test_row_groups_of_other_sizes_and_bloom_filters_are_tried_on_the_best(sample):
    here = situation(sample, [*questions(10)["customer"], *questions(30)["prices"]])
    sorts = [Layout(sort_by=("price",)), Layout(sort_by=("day",))]
    assert {one.row_group_rows for one in row_group_sizes(here, sorts)} == {20_480, 122_880}
    blooms = list(bloom_filters(here, sorts))
    assert Layout(sort_by=("price",), bloom_columns=("customer",)) in blooms
    assert Layout(bloom_columns=("customer",)) in blooms
    assert here.seconds(blooms[0]) < here.seconds(sorts[0])


def test_a_faster_codec_is_tried_where_the_order_pays_already_and_not_for_itself(sample):
    here = situation(sample, questions(10)["prices"])
    sorts = [Layout(sort_by=("price",)), Layout(sort_by=("day",))]
    assert Layout(sort_by=("price",), compression="lz4") in list(faster_codecs(here, sorts))
    assert here.seconds(Layout(compression="lz4")) < here.seconds(Layout())
    unselective = situation(sample, ["price >= 1", "mode <> 'AIR'"])
    assert list(faster_codecs(unselective, [Layout(), *sorts])) == []


def test_the_codec_of_the_present_files_counts(sample):
    here = situation(sample, questions(10)["prices"])
    snappy = replace(here, hints=Hints(compression="snappy"))
    unknown = replace(here, hints=Hints(compression="brotli"))
    assert snappy.seconds(Layout()) > here.seconds(Layout()) == unknown.seconds(Layout())


def test_the_best_for_each_kind_of_question_is_kept_beside_the_best_for_all(sample):
    kinds = questions(1)
    here = situation(sample, [kinds["customer"][0], kinds["prefix"][0], kinds["prices"][0]])
    leading = {one.sort_by[0] for one in propose(here) if one.sort_by}
    assert {"customer", "sku", "price"} <= leading


def test_hints_of_the_table_are_tried(sample):
    here = situation(sample, questions(3)["customer"], Hints(sort_by=("mode", "sku")))
    assert any(one.sort_by == ("mode", "sku", "day") for one in lexicographic_sorts(here, ()))


def test_a_rule_of_ones_own_takes_part(sample):
    mine = Layout(sort_by=("sku", "mode"))

    def my_rule(here, so_far):
        assert so_far
        yield mine

    here = situation(sample, questions(10)["prefix"])
    assert mine in propose(here, (lexicographic_sorts, my_rule)) or here.seconds(mine) > min(
        here.seconds(one) for one in propose(here, RULES)
    )
    assert propose(here, (lambda *_: [mine],)) == [mine]


def test_proposals_are_the_same_for_the_same_situation(sample):
    kinds = questions(5)
    asked = [one for some in kinds.values() for one in some]
    first = propose(situation(sample, asked))
    again = propose(situation(Sample(sample.table, sample.rows, sample.bytes, {}), asked))
    assert [one.layout_id for one in first] == [one.layout_id for one in again]
    assert INITIAL not in {one.layout_id for one in first}


def test_the_best_for_each_kind_of_question_is_refined_as_well(sample):
    kinds = questions(5)
    here = situation(sample, [*kinds["prices"], *kinds["customer"][:3]])
    by_price, by_customer = Layout(sort_by=("price",)), Layout(sort_by=("customer",))
    assert here.seconds(by_price) < here.seconds(by_customer)
    assert here.promising([by_customer, by_price], 1) == [by_price, by_customer]
    assert replace(by_customer, row_group_rows=122_880) in row_group_sizes(
        here, [Layout(sort_by=("day",)), by_price, by_customer]
    )
    rare = replace(here.wishes[-1], weight=0.01)
    seldom = replace(here, wishes=(*here.wishes[:-3], rare))
    assert seldom.promising([by_customer, by_price], 1) == [by_price]


def test_what_spares_most_beside_what_is_there_is_refined_as_well(sample):
    kinds = questions(15)
    here = situation(sample, [*kinds["prices"], *kinds["prices"], *kinds["customer"]])
    by_price, by_customer = Layout(sort_by=("price",)), Layout(sort_by=("customer",))
    assert here.seconds(by_price) < here.seconds(by_customer)
    assert here.promising([by_customer, by_price], 1) == [by_price]
    beside = replace(here, now=here.seconds_each(by_price))
    assert beside.promising([by_customer, by_price], 1) == [by_price, by_customer]
    assert beside.spared(by_price) == 0
    assert list(faster_codecs(beside, [by_price])) == []
    assert list(faster_codecs(beside, [by_price, by_customer])) == [
        replace(by_customer, compression="lz4")
    ]
