"""The forecast of a dry run: which verdicts would change, and who would be told. Nothing is stored or sent."""
