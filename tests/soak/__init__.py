"""Never lose, never reorder: short versions in `make test`, long ones in `make soak`. The seed is printed; `TIANGONG_SOAK_SEED` repeats it."""
