"""Every setting of the portal, read from the environment once.

`settings.env` in the var folder (written by `make install`) is read too; real environment variables
win over it. All missing and wrong variables are reported together, and nothing starts.
"""

import sys
import tomllib
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvValidationError, validate

from . import oidc_app, wishes

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

env = Env(eager=False)
# Where everything lives that is made while the portal runs.
VAR = env.path("ENVPORTAL_VAR", BASE_DIR / "var")
if isinstance(VAR, Path):
    VAR = VAR.resolve()
    env.read_env(str(VAR / "settings.env"), recurse=False)

DEBUG = env.bool("DEBUG", False)
# A secret has a default only where somebody says aloud that this is no real portal.
SECRET_KEY = env.str("SECRET_KEY", "insecure, for DEBUG only") if DEBUG else env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
# How the portal is reached from outside, with scheme: https://env.example.org
CSRF_TRUSTED_ORIGINS = env.list("ENVPORTAL_ORIGINS", [], validate=wishes.origins)
HTTPS = env.bool("ENVPORTAL_HTTPS", False)

DATABASES = {"default": env.dj_db_url("DATABASE_URL", f"sqlite:///{VAR}/envportal.sqlite3")}
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "filesystem://localhost/", validate=wishes.broker)

# Names that only curated environments may begin with, whatever the case.
RESERVED_PREFIXES = env.list("ENVPORTAL_RESERVED_PREFIXES", ["AzureML", "Microsoft"])

# Who may make workspaces.
WORKSPACES_BY = env.str("ENVPORTAL_WORKSPACES_BY", "administrators", validate=wishes.some_or_all)
# Mail: smtp+tls://user:password@mail.example.org:587. Without it nothing is sent, and links are handed on by hand.
EMAIL = env.dj_email_url("ENVPORTAL_EMAIL", "dummy:")
HAS_EMAIL = bool(env.str("ENVPORTAL_EMAIL", "", validate=wishes.mail_server))
DEFAULT_FROM_EMAIL = env.str("ENVPORTAL_EMAIL_FROM", "envportal@localhost")

# Networks of the own house that webhooks may go to; everywhere else only to public addresses, over https.
WEBHOOK_NETWORKS = env.list("ENVPORTAL_WEBHOOK_NETWORKS", [], validate=wishes.networks)

# What secrets of workspaces are sealed with, the newest first; SECRET_KEY comes after them.
SECRETS_KEYS = env.list("ENVPORTAL_SECRETS_KEY", [], validate=wishes.long_enough)

# Building. Times in seconds, sizes in MB.
BUILDS_AT_ONCE = env.int("ENVPORTAL_BUILDS_AT_ONCE", 2, validate=validate.Range(min=1))
# Of all workers together, unless administrators say another number for a workspace.
BUILDS_PER_WORKSPACE = env.int("ENVPORTAL_BUILDS_PER_WORKSPACE", 4, validate=validate.Range(min=1))
RESOLVE_SECONDS = env.int("ENVPORTAL_RESOLVE_SECONDS", 300, validate=validate.Range(min=1))
INSTALL_SECONDS = env.int("ENVPORTAL_INSTALL_SECONDS", 1800, validate=validate.Range(min=1))
CHECK_SECONDS = env.int("ENVPORTAL_CHECK_SECONDS", 600, validate=validate.Range(min=1))
BUILD_MEMORY = env.int("ENVPORTAL_BUILD_MEMORY", 8000, validate=validate.Range(min=1))
MIN_FREE_DISK = env.int("ENVPORTAL_MIN_FREE_DISK", 1024, validate=validate.Range(min=0))
# What a clean-up keeps: the newest builds of each environment, those that were used in so many days, as much as fits.
KEEP_LAST = env.int("ENVPORTAL_KEEP_LAST", 3, validate=validate.Range(min=0))
KEEP_USED_DAYS = env.int("ENVPORTAL_KEEP_USED_DAYS", 30, validate=validate.Range(min=0))
STORAGE_MB = env.int("ENVPORTAL_STORAGE_MB", 0, validate=validate.Range(min=0))
# Of one workspace, unless administrators say another number for it; 0: any.
STORAGE_PER_WORKSPACE_MB = env.int("ENVPORTAL_STORAGE_PER_WORKSPACE_MB", 0, validate=validate.Range(min=0))
CACHE_MB = env.int("ENVPORTAL_CACHE_MB", 20_000, validate=validate.Range(min=0))
# Curated environments whose packages are no more to download, in MB, are built before anybody asks; 0: none.
AHEAD_MB = env.int("ENVPORTAL_AHEAD_MB", 1000, validate=validate.Range(min=0))
# Resolving while somebody types: of one web process, in its own child processes.
PREVIEWS_AT_ONCE = env.int("ENVPORTAL_PREVIEWS_AT_ONCE", 2, validate=validate.Range(min=1))
PREVIEW_SECONDS = env.int("ENVPORTAL_PREVIEW_SECONDS", 15, validate=validate.Range(min=1))
PREVIEW_MEMORY = env.int("ENVPORTAL_PREVIEW_MEMORY", 1500, validate=validate.Range(min=1))
# Confine builds by bubblewrap: where that works (auto), always, so that nothing is built without (on), never (off).
SANDBOX = env.str("ENVPORTAL_SANDBOX", "auto", validate=validate.OneOf(["auto", "on", "off"]))
# Signing in: attempts with a wrong password for one name from one address, in five minutes.
SIGN_IN_ATTEMPTS = env.int("ENVPORTAL_SIGN_IN_ATTEMPTS", 5, validate=validate.Range(min=1))
# Requests to the API in a minute, of one person and from one address; 0: any number. throttle.py says who counts them.
REQUESTS_PER_PERSON = env.int("ENVPORTAL_REQUESTS_PER_PERSON", 1200, validate=validate.Range(min=0))
REQUESTS_PER_ADDRESS = env.int("ENVPORTAL_REQUESTS_PER_ADDRESS", 6000, validate=validate.Range(min=0))

# OpenID Connect: the provider's issuer, and what it calls the portal; empty means that there is none.
OIDC_ISSUER = env.str("ENVPORTAL_OIDC_ISSUER", "", validate=wishes.safe_issuer)
OIDC_CLIENT = env.str("ENVPORTAL_OIDC_CLIENT") if OIDC_ISSUER else ""
OIDC_SECRET = env.str("ENVPORTAL_OIDC_SECRET") if OIDC_ISSUER else ""
OIDC_NAME = env.str("ENVPORTAL_OIDC_NAME", "single sign-on")
OIDC_SCOPES = env.list("ENVPORTAL_OIDC_SCOPES", ["openid", "profile", "email"])
OIDC_GROUPS_CLAIM = env.str("ENVPORTAL_OIDC_GROUPS_CLAIM", "groups")
# What its groups give: group=administrator, curator or auditor, or group=workspace:viewer, editor or owner.
OIDC_ROLES = env.list("ENVPORTAL_OIDC_ROLES", [], validate=wishes.group_roles)

# A header in which a proxy says whom it has signed in, and the addresses that it comes from; empty means none.
PROXY_USER_HEADER = env.str("ENVPORTAL_PROXY_USER_HEADER", "", validate=validate.Regexp("^([A-Za-z][A-Za-z0-9-]*)?$"))
PROXY_USER_FROM = env.list("ENVPORTAL_PROXY_USER_FROM", validate=wishes.networks) if PROXY_USER_HEADER else []
# How many proxies stand in front of the portal, whose word is taken for where a request comes from.
PROXIES = env.int("ENVPORTAL_PROXIES", 0, validate=validate.Range(min=0))
# Where events go as JSON lines besides the database: a file, or stderr; empty means nowhere.
EVENTS_LOG = env.str("ENVPORTAL_EVENTS_LOG", "")
# Days after which names in events become pseudonyms and addresses go; 0 means never.
EVENTS_PERSONAL_DAYS = env.int("ENVPORTAL_EVENTS_PERSONAL_DAYS", 365, validate=validate.Range(min=0))
# The package index; empty means the tool's own default.
INDEX_URL = env.str("ENVPORTAL_INDEX_URL", "", validate=wishes.address)
# Suggestions while somebody types; off means that nothing is asked of outside for them.
SUGGESTIONS = env.bool("ENVPORTAL_SUGGESTIONS", True)
# Seconds that a page waits for the outside.
SUGGEST_SECONDS = env.float("ENVPORTAL_SUGGEST_SECONDS", 2.0, validate=validate.Range(min=0))
# Conda channels that may be asked; `*` stands for every plain name. The rule is in builds/channels.py.
SUGGEST_CHANNELS = env.list("ENVPORTAL_SUGGEST_CHANNELS", ["*"])
# The address that names of channels are below; empty means the tool's own default.
CHANNEL_ALIAS = env.str("ENVPORTAL_CHANNEL_ALIAS", "", validate=wishes.address)
# Where channels are fetched instead, as name=address.
CHANNEL_MIRRORS = env.list("ENVPORTAL_CHANNEL_MIRRORS", [], validate=wishes.mirrors)
# The CUDA that machines have for which definitions are built that do not say; empty means none.
CUDA = env.str("ENVPORTAL_CUDA", "", validate=wishes.cuda)
# Folders with Python interpreters beside those on PATH; each may hold wildcards.
PYTHON_FOLDERS = env.list("ENVPORTAL_PYTHON_FOLDERS", ["~/.pyenv/versions/*/bin"])
# The Python of a definition that names none; it must be on the worker.
DEFAULT_PYTHON = env.str("ENVPORTAL_DEFAULT_PYTHON", "{}.{}".format(*sys.version_info[:2]), validate=wishes.python)

# Where the OSV export for PyPI is: a path or an address; empty means that none are imported.
ADVISORIES = env.str("ENVPORTAL_ADVISORIES", "")
ADVISORIES_MB = env.int("ENVPORTAL_ADVISORIES_MB", 500, validate=validate.Range(min=1))

# When the installed packages of a build become an archive: when somebody asks for it, or right after each build.
ARCHIVE = env.str("ENVPORTAL_ARCHIVE", "asked", validate=validate.OneOf(["asked", "built"]))
# Images that Dockerfiles of builds begin with; {version} is that of Python.
DOCKER_PYTHON = env.str("ENVPORTAL_DOCKER_PYTHON", "python:{version}-slim")
DOCKER_MICROMAMBA = env.str("ENVPORTAL_DOCKER_MICROMAMBA", "mambaorg/micromamba:2.0.5")

# The private key that statements about builds are signed with (Ed25519, PEM); made where there is none.
SIGNING_KEY = env.path("ENVPORTAL_SIGNING_KEY", None)

# The largest private wheel, in MB.
WHEEL_MB = env.int("ENVPORTAL_WHEEL_MB", 500, validate=validate.Range(min=1))
# Where workers reach the web processes, to fetch private wheels.
PORT = env.int("PORT", 8000, validate=validate.Range(min=1, max=65535))
PORTAL_URL = env.str("ENVPORTAL_URL", f"http://127.0.0.1:{PORT}", validate=wishes.address)

try:
    env.seal()
except EnvValidationError as faults:
    lines = [f"  {name}: {' '.join(texts)}" for name, texts in sorted(faults.error_messages.items())]
    hint = (
        "\n`make install` writes a SECRET_KEY into var/settings.env." if "SECRET_KEY" in faults.error_messages else ""
    )
    raise ImproperlyConfigured("These settings are missing or wrong:\n" + "\n".join(lines) + hint) from None

CHANNEL_MIRRORS = wishes.pairs(CHANNEL_MIRRORS)
# Where people reach the portal: what files that they take away say.
PUBLIC_URL = (CSRF_TRUSTED_ORIGINS or [PORTAL_URL])[0]

SIGNING_KEY = SIGNING_KEY or VAR / "signing-key.pem"
PREFIXES = VAR / "prefixes"
WORK = VAR / "work"
CACHE = VAR / "cache"
# Private wheels, and beside them what is being received, so that a file moves from one to the other at once.
WHEELS = VAR / "wheels"
UPLOADS = VAR / "uploads"

INSTALLED_APPS = [
    "envportal",
    "events",
    "environments",
    "builds",
    "runs",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "rules.apps.AutodiscoverRulesConfig",
]

MIDDLEWARE = [
    # What every answer tells browsers comes before everything that answers.
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "envportal.headers.Private",
    "django_htmx.middleware.HtmxMiddleware",
    "events.middleware.Acting",
    "envportal.throttle.ByAddress",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "envportal.proxy_user.ProxyUser",
    "envportal.sign_in.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "envportal.urls"
ASGI_APPLICATION = "envportal.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["template_partials.templatetags.partials", "environments.templatetags.portal"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "environments.context.portal",
            ],
        },
    },
]

# Database
DATABASES["default"]["TEST"] = {}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Readers never wait, writers wait for each other at BEGIN and not in the middle.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # A file, so that threads and processes of a test see the same rows.
    DATABASES["default"]["TEST"]["NAME"] = VAR / "test.sqlite3"
else:
    DATABASES["default"].setdefault("OPTIONS", {})["connect_timeout"] = 5
# Answers of the outside, for all processes of this machine.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": CACHE / "answers",
        "OPTIONS": {"MAX_ENTRIES": 5000},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Celery: messages only wake workers, the database is the truth. So no results, no late acknowledgement.
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 4
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "beat-schedule")
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.3}
CELERY_BEAT_SCHEDULE = {
    "tend builds": {"task": "builds.tasks.tend_builds", "schedule": 15.0, "options": {"expires": 15}},
    "move logs": {"task": "builds.tasks.move_logs", "schedule": 30.0, "options": {"expires": 30}},
    "refresh names": {"task": "builds.tasks.refresh_names", "schedule": 86400.0},
    # Looks whether a day has gone since the last time; a failed one is tried again the next day, too.
    "import advisories": {
        "task": "builds.tasks.import_advisories",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "tend shelf": {"task": "builds.tasks.tend_shelf", "schedule": 30.0, "options": {"expires": 30}},
    "clean storage": {"task": "builds.tasks.clean_storage", "schedule": 86400.0, "options": {"expires": 3600}},
    "tell refusals": {"task": "events.tasks.tell_refusals", "schedule": 60.0, "options": {"expires": 60}},
    "tidy people": {"task": "environments.tasks.tidy_people", "schedule": 86400.0, "options": {"expires": 3600}},
    "forget persons": {"task": "events.tasks.forget_persons", "schedule": 86400.0, "options": {"expires": 3600}},
}
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(VAR / "broker" / "messages"),
        "data_folder_out": str(VAR / "broker" / "messages"),
        "control_folder": str(VAR / "broker" / "control"),
        "polling_interval": 0.1,
    }

EMAIL_BACKEND = EMAIL.get("EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend")
EMAIL_HOST, EMAIL_PORT = EMAIL["EMAIL_HOST"] or "localhost", EMAIL["EMAIL_PORT"] or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = EMAIL["EMAIL_HOST_USER"], EMAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL["EMAIL_USE_TLS"], EMAIL["EMAIL_USE_SSL"]
EMAIL_TIMEOUT = 5

# People
SESSION_ENGINE = "environments.sessions"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "envportal.sign_in.Accounts",
]
if PROXY_USER_HEADER:
    AUTHENTICATION_BACKENDS.append("envportal.proxy_user.ProxyAccounts")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
AUTH_PASSWORD_VALIDATORS += [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}}
]

# A link by which somebody sets a password, in seconds.
PASSWORD_RESET_TIMEOUT = 24 * 3600

# allauth is there for OpenID Connect alone: none of its pages has an address here. Another issuer is another provider,
# so that its people are not taken for those of the one before.
OIDC_PROVIDER = oidc_app.provider_id(OIDC_ISSUER)
ACCOUNT_ADAPTER = "envportal.oidc.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SIGNUP_FIELDS = ["username*"]
SOCIALACCOUNT_ADAPTER = "envportal.oidc.SocialAdapter"
SOCIALACCOUNT_PROVIDERS = oidc_app.providers(OIDC_NAME, OIDC_ISSUER, OIDC_CLIENT, OIDC_SECRET, OIDC_SCOPES)

# Browsers: nothing from any other host, no inline script or style.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Whether its subdomains go with a domain, and whether browsers have it in their lists, its owner decides.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000_000
FILE_UPLOAD_HANDLERS = ["environments.uploads.UploadHandler"]

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Logs of builds that ended. Workers write them, web processes read them.
    "logs": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR / "logs", "base_url": None},
    },
    # What good builds give: workers write it, web processes read it.
    "artifacts": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR / "artifacts", "base_url": None},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if DEBUG:
    STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "environments.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "environments.tokens.WithinScopes"],
    "DEFAULT_THROTTLE_CLASSES": ["envportal.throttle.ByPerson"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["envportal.api.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "envportal.api.answer_fault",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "envportal",
    "DESCRIPTION": "Environments of conda and pip packages: definitions, locks, builds.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "BuildStatus": "builds.models.Status",
        "RunStatus": "runs.models.Status",
        "RuleManagerEnum": "environments.rule_models.Rule.Manager",
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        # /healthz answers 503 where that is the truth; asking is no error.
        "not health": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", 0) != 503,
        }
    },
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "builds": {"level": "INFO"},
        "django.request": {"level": "ERROR", "filters": ["not health"]},  # what a person did wrong is no error of ours
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
