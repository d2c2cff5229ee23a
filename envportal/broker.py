"""The broker without a server: messages as files in a folder, by kombu."""

import uuid
from pathlib import Path
from time import monotonic

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    def _put(self, queue, payload, **kwargs):
        """Put a message whole: one that kombu itself puts may be taken before it is written, which ends a worker."""
        message = Path(self.data_folder_out, f"{monotonic() * 1000:.0f}_{uuid.uuid4()}.{queue}.msg")
        unfinished = message.with_name(f"{message.name}.part")
        try:
            unfinished.write_text(dumps(payload))
            unfinished.replace(message)
        except OSError as fault:
            raise ChannelError(f"Cannot add {message} to the messages") from fault


class Transport(filesystem.Transport):
    Channel = Channel
