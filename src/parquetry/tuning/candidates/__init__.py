"""Layouts that might serve a workload: a tuple of rules, one file a rule.

A rule is a pure function of the situation and of what the rules before it proposed. It may price
layouts on the sample, which takes milliseconds. A rule of your own is one more entry of the tuple.
"""
