"""What each setting means, by group: what the page of settings says. README.md is held against it by a test.

Pure; `settings.py` says what each must be, and its default.
"""

# Of these only whether they are set is ever shown.
SECRET = {"SECRET_KEY", "ENVPORTAL_SECRETS_KEY", "ENVPORTAL_OIDC_SECRET", "ENVPORTAL_ADMIN_PASSWORD"}

GROUPS = {
    "Where it serves": {
        "SECRET_KEY": "signs sessions; make install writes one into settings.env",
        "DEBUG": "shows faults to everybody; for development alone",
        "HOST": "address that make run serves at",
        "PORT": "its port",
        "ALLOWED_HOSTS": "host names that the portal answers to",
        "ENVPORTAL_ORIGINS": "https://… behind a proxy; the first stands in files that people take away",
        "ENVPORTAL_URL": "where workers reach the web processes, to fetch private wheels",
        "ENVPORTAL_HTTPS": "secure cookies, HSTS, redirect",
        "ENVPORTAL_PROXIES": "how many proxies stand in front, whose word is taken for where a request comes from",
        "ENVPORTAL_VAR": "folder of everything that is made while the portal runs",
        "DATABASE_URL": "the database",
        "CELERY_BROKER_URL": "the broker that wakes workers",
    },
    "People": {
        "ENVPORTAL_ADMIN_PASSWORD": "of the first administrator",
        "ENVPORTAL_WORKSPACES_BY": "who may make workspaces: administrators or everybody",
        "ENVPORTAL_SIGN_IN_ATTEMPTS": "wrong passwords for one name from one address in five minutes",
        "ENVPORTAL_EMAIL": "server that mail goes through; without it links are handed on by hand",
        "ENVPORTAL_EMAIL_FROM": "whom mail is from",
        "ENVPORTAL_OIDC_ISSUER": "provider of single sign-on; empty: none",
        "ENVPORTAL_OIDC_CLIENT": "what it calls the portal",
        "ENVPORTAL_OIDC_SECRET": "what the portal shows it",
        "ENVPORTAL_OIDC_NAME": "what the button says",
        "ENVPORTAL_OIDC_SCOPES": "what is asked of it",
        "ENVPORTAL_OIDC_GROUPS_CLAIM": "where its groups stand",
        "ENVPORTAL_OIDC_ROLES": "what its groups give",
        "ENVPORTAL_PROXY_USER_HEADER": "header in which a proxy says whom it has signed in; empty: none",
        "ENVPORTAL_PROXY_USER_FROM": "addresses that such a proxy comes from",
        "ENVPORTAL_REQUESTS_PER_PERSON": "to the API in a minute; 0: any number",
        "ENVPORTAL_REQUESTS_PER_ADDRESS": "the same from one address",
    },
    "Events": {
        "ENVPORTAL_EVENTS_LOG": "file, or stderr, where events go as JSON lines beside the database",
        "ENVPORTAL_EVENTS_PERSONAL_DAYS": "days after which names in events become pseudonyms; 0: never",
    },
    "Policy and quotas": {
        "ENVPORTAL_RESERVED_PREFIXES": "of names that only curated environments may have; policies add to them",
        "ENVPORTAL_BUILDS_PER_WORKSPACE": "at once, of all workers together; another number for a workspace under Quotas",
        "ENVPORTAL_STORAGE_PER_WORKSPACE_MB": "MB that one workspace may take; 0: no limit; another number for a workspace under Quotas",
        "ENVPORTAL_SECRETS_KEY": "keys that secrets of workspaces are sealed with, the newest first",
        "ENVPORTAL_WHEEL_MB": "MB of the largest private wheel",
    },
    "Builds": {
        "ENVPORTAL_SIGNING_KEY": "file with the private key that statements about builds are signed with",
        "ENVPORTAL_BUILDS_AT_ONCE": "of one worker",
        "ENVPORTAL_RESOLVE_SECONDS": "time limit of resolving",
        "ENVPORTAL_INSTALL_SECONDS": "time limit of installing",
        "ENVPORTAL_CHECK_SECONDS": "time limit of checking",
        "ENVPORTAL_BUILD_MEMORY": "MB that all processes of a step may hold at once",
        "ENVPORTAL_MIN_FREE_DISK": "MB below which no build starts",
        "ENVPORTAL_SANDBOX": "confine builds: auto, on or off",
        "ENVPORTAL_PYTHON_FOLDERS": "where Pythons are looked for beside PATH",
        "ENVPORTAL_DEFAULT_PYTHON": "for definitions that name none",
        "ENVPORTAL_CUDA": "that conda packages may count on; empty: none",
        "ENVPORTAL_ARCHIVE": "when installed packages become an archive: asked or built",
        "ENVPORTAL_DOCKER_PYTHON": "image that Dockerfiles of pip builds begin with",
        "ENVPORTAL_DOCKER_MICROMAMBA": "image that Dockerfiles of conda builds begin with",
    },
    "Indexes and channels": {
        "ENVPORTAL_INDEX_URL": "the package index; empty: the tool's own",
        "ENVPORTAL_CHANNEL_ALIAS": "address that names of channels are below; empty: the tool's own",
        "ENVPORTAL_CHANNEL_MIRRORS": "where channels are fetched instead",
        "ENVPORTAL_SUGGESTIONS": "whether anything outside is asked while somebody types",
        "ENVPORTAL_SUGGEST_SECONDS": "that a page waits for that",
        "ENVPORTAL_SUGGEST_CHANNELS": "conda channels that are asked; * is every plain name",
        "ENVPORTAL_PREVIEWS_AT_ONCE": "definitions resolved at once while people type",
        "ENVPORTAL_PREVIEW_SECONDS": "time limit of each",
        "ENVPORTAL_PREVIEW_MEMORY": "MB of each",
        "ENVPORTAL_ADVISORIES": "path or address of the OSV export; empty: none",
        "ENVPORTAL_ADVISORIES_MB": "MB that it may have",
    },
    "Storage": {
        "ENVPORTAL_AHEAD_MB": "MB to download up to which curated environments are built before anybody asks; 0: none",
        "ENVPORTAL_KEEP_LAST": "newest good builds of each environment that always keep their files",
        "ENVPORTAL_KEEP_USED_DAYS": "days for which the files of others are kept after their last use",
        "ENVPORTAL_STORAGE_MB": "MB that the files of all builds take together; 0: no limit",
        "ENVPORTAL_CACHE_MB": "MB of each cache of packages; 0: no limit",
    },
}
