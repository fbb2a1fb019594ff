"""Answering a question from the layout that reads least for it, as long as that is provably the same.

`router` implements the protocol of `access`: it takes the dataset's own listing for the question, finds
which replicas stand for it now (`replicas.coverage`), prices them (`pricing`) and lets a policy choose.
"""
