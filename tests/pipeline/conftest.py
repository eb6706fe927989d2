"""What several of the pipeline's tests share."""

import pytest

from tests.once import made_once
from tests.pipeline.small_project import SmallProject, small_project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """The small project, parsed. Not to be changed."""
    return SmallProject(made_once(tmp_path_factory, "small-project", lambda folder: small_project(folder).parse()))
