"""The event loop that speaks with servers: uvloop's, for a sixth less of processor than with asyncio's, in a thread of its own."""

import asyncio
import functools
import os
import threading

import uvloop


@functools.cache
def running_loop() -> asyncio.AbstractEventLoop:
    """The one of this process; it runs until the process ends."""
    loop = uvloop.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True, name="sftp").start()
    return loop


os.register_at_fork(after_in_child=running_loop.cache_clear)  # the thread stays with the parent
