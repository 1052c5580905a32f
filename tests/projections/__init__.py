"""Read models: given facts, what do the tables say?"""
