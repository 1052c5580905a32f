"""Time travel: how one thing was when the log ended at an earlier position. The facts concerned go through the projections themselves, into
temporary tables that nobody else sees, and the same question is asked there that is asked of the read models."""
