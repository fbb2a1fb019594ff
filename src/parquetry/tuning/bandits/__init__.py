"""Who learns which layout answers which kind of question fastest, while the questions are answered.

Predictions come first; what is learned is how far they are off, for each kind of question and layout.
"""
