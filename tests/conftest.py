"""Fixtures that several folders of tests share. The requirement index is `tests/house_plugin.py`."""
