"""What several of the pipeline's tests share."""

import pytest

from tests.pipeline.small_project import SmallProject, small_project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """The small project, parsed once. Not to be changed."""
    return small_project(tmp_path_factory.mktemp("project"))
