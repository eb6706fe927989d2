"""What several of the pipeline's tests share."""

import pytest

from tests.pipeline.small_project import SmallProject, shared_project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """The small project, parsed. Not to be changed."""
    return shared_project(tmp_path_factory)
