"""What a question is about: which columns it filters, groups, orders and joins by, whatever its values.

`context` finds that out, `clustering` names the kind of question; both can be swapped for one's own.
"""
