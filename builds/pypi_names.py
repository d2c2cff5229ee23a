"""Which project of PyPI a locked package is, where that is certain. Pure.

A pip package is the project of its name, unless its file is a private wheel. A conda package has no ecosystem of
advisories. It is the project of its name when the name stands below and its channel is conda-forge or main, also on a
mirror: there these names are built from the project's own releases, under the same versions. Everything else is not
assessed, because a name alone proves nothing.
"""

from packaging.utils import canonicalize_name

from environments import wheel_urls

from . import osv

CHANNELS = ("conda-forge", "main")
SAME_IN_CONDA = frozenset({
    "aiohttp", "bleach", "certifi", "cryptography", "dask", "distributed", "django", "fastapi", "flask",
    "gitpython", "gunicorn", "h5py", "httpx", "idna", "ipython", "jinja2", "joblib", "jupyter_server",
    "jupyterlab", "keras", "lxml", "mako", "markdown", "markupsafe", "mistune", "mlflow", "nbconvert", "nltk",
    "notebook", "numpy", "onnx", "pandas", "paramiko", "pillow", "pip", "pyarrow", "pydantic", "pygments",
    "pyjwt", "pyyaml", "requests", "scikit-learn", "scipy", "scrapy", "setuptools", "sqlalchemy", "sqlparse",
    "starlette", "streamlit", "tornado", "tqdm", "transformers", "twisted", "urllib3", "virtualenv", "werkzeug",
    "wheel", "xgboost",
})  # fmt: skip


def pypi_name(package):
    """The normalised name of the project, or None where nobody can be sure. `package` is of a lock, row or value."""
    if package.manager == "pip":
        return None if package.url and wheel_urls.parse_reference(package.url) else canonicalize_name(package.name)
    channel = package.channel.rstrip("/").rpartition("/")[2]
    return canonicalize_name(package.name) if package.name in SAME_IN_CONDA and channel in CHANNELS else None


def is_assessable(package):
    """Whether advisories can be held against it at all."""
    return bool(pypi_name(package)) and osv.pypi_version(package.version)
