"""Receives an uploaded file: hashed while it comes, written to a file of its own, cut off at the limit."""

import contextlib
import hashlib
import os
import tempfile
import time

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from .faults import UserFault

LONGEST_UPLOAD = 86_400  # seconds


class TooLarge(UserFault):
    """The file is larger than a wheel may be."""

    def __init__(self):
        super().__init__(f"A wheel has at most {settings.WHEEL_MB:,} MB here. An administrator can allow more.", "file")


class Upload(UploadedFile):
    """A file on its way in. It is gone when it is closed, unless somebody moved it."""

    def __init__(self, name):
        settings.UPLOADS.mkdir(parents=True, exist_ok=True)
        file = tempfile.NamedTemporaryFile(dir=settings.UPLOADS)  # noqa: SIM115, whoever closes us closes it
        super().__init__(file, name, size=0)
        self._digest = hashlib.sha256()

    @property
    def sha256(self):
        return self._digest.hexdigest()

    def move(self, path):
        """Give the file its place, whole or not at all: `path` is on the same file system."""
        os.rename(self.file.name, path)

    def close(self):
        with contextlib.suppress(FileNotFoundError):  # somebody moved it
            self.file.close()

    def receive(self, data):
        """Append some bytes. Raise TooLarge instead when they would be too many."""
        self.size += len(data)
        if self.size > settings.WHEEL_MB * 1_000_000:
            raise TooLarge
        self._digest.update(data)
        self.file.write(data)


class UploadHandler(FileUploadHandler):
    """Takes what a form or a script sends. When a file is too large, `request.upload_fault` says so."""

    upload = None

    def new_file(self, *args, **kwargs):
        super().new_file(*args, **kwargs)
        self.upload = Upload(self.file_name)

    def receive_data_chunk(self, raw_data, start):
        try:
            self.upload.receive(raw_data)
        except TooLarge as fault:
            self.upload.close()
            self.request.upload_fault = fault
            raise StopUpload from fault  # the rest is read and thrown away, so that the sender hears our answer

    def file_complete(self, file_size):
        self.upload.seek(0)
        return self.upload

    def upload_interrupted(self):
        if self.upload:
            self.upload.close()


def sweep():
    """Remove what uploads of an earlier life left behind."""
    settings.UPLOADS.mkdir(parents=True, exist_ok=True)
    for file in settings.UPLOADS.iterdir():
        if time.time() - file.stat().st_mtime > LONGEST_UPLOAD:
            file.unlink(missing_ok=True)


def take(request, files):
    """Return the Upload that came as `file`. Raise UserFault when there is none."""
    if hasattr(request, "upload_fault"):
        raise request.upload_fault
    if "file" not in files:
        raise UserFault("Choose a wheel: a file whose name ends in .whl.", "file")
    return files["file"]
