"""Pictures and tables made of text: charts as SVG, words in colour, aligned columns; it knows nothing of language.

Floor 0. Importing this package imports nothing else; take what is needed from its modules.
"""
