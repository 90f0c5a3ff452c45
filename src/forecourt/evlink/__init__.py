"""The guide as tables: models, generations, configuration keys and vendor errors."""
