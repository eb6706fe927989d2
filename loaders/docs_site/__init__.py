"""The docs site: dbt's own page as one file, which asks the network for nothing and says nothing of the machine it was made on."""

from loaders.docs_site.site import SITE, SiteReport, write_site

__all__ = ["SITE", "SiteReport", "write_site"]
