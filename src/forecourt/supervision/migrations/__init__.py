"""The steps that bring a data folder from one form of the tables to the next, run by Alembic at every start."""
