"""Column chunks of many small files made into larger ones page by page, without decoding their values.

A chunk of numbers is a page whose bytes can stand behind those of another, or whose values can. What
it takes to be sure of that is found out for many files at once, as in `bundles`.
"""
