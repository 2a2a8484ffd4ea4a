"""Centres that keep their rows: what is asked of them, what they answer, and how the answers are added up.

An estimate is worked out anew at every round, from the beginning: a question that was answered costs nothing,
the first that was not is written down, and what waits for it says so. Nothing is kept between rounds but the
answers.
"""
