"""Writing rows in another layout: a function of files, layout and folder.

`Rewriter` is the seam. The local one below sorts within a bounded memory; another may hand the task to
a cluster, since a task is a plain value. Whatever wrote the files, `verifying` proves them before
they are used.
"""
