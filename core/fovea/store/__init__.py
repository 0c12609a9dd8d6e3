"""The store: one database that holds a workplace's sites, work, results, decisions, cases and its audit chain.

:class:`fovea.store.store.Store` is the door; :mod:`fovea.store.values` holds what goes in and comes out. Rows and
connections never leave this package.
"""
