"""The brief: what was unusual since a moment, in sentences bound to the queries that give their figures again."""
