"""Many files of words as one embedding: parts encoded apart, and collections of shards."""
