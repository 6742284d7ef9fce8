"""One published claim per file: Question, Command, Cost, Expected."""
