"""What questions would cost in a layout that nobody has written.

A sample is ordered as the layout would order the rows and cut into row groups (`groups`); what a
question demands of columns is a set of spans of their values (`spans`); a row group whose range meets
none of them is not read (`work`). How much time that takes, the log tells (`constants`, `fitting`).
"""
