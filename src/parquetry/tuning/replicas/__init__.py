"""Replicas: the rows of a dataset a second time, in another layout, for routing.

A replica is made of pieces. A piece holds exactly the rows of some source files, and is of use while
all of them are unchanged; whatever no piece covers is read from the dataset itself. So a replica can
be made a few files at a time, grows by pieces when files come, and loses only pieces when files go.
"""
