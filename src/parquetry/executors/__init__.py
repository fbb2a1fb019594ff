"""Who does the work: here, or on any `concurrent.futures.Executor`.

Threads, process pools and Dask (`Client.get_executor()`) are such executors already; `ray` makes Ray
one. `in_flight` runs many tasks on any of them, a bounded number at once, and stops at the first
failure; `worker_watch` notices a cluster whose workers are all gone, `forking` a pool whose workers
would wait for threads that they do not have.
"""
