"""The guide as tables: models, configuration keys, vendor errors, product generations."""
