"""The composition root: the only place that knows the adapters. Everything is made here, handed to whoever needs it, and closed here."""
