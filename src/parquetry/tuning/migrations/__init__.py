"""Moving a dataset to a layout: jobs in a queue, workers that carry them out.

`worker` claims jobs; `replica_migration` and `active_migration` carry one out, piece by piece
(`pieces`), in an order that pays soonest (`batches`). What is finished is written down beside it
(`notes`), so that another worker goes on where one has died.
"""
