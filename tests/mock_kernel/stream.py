# SPDX-License-Identifier: Apache-2.0
"""Takes a camera's frames at their due times into the buffers a program has queued."""

import threading
import time
from collections import deque

from mock_kernel.camera_model import Frame


class Stream:
    """One program's buffers; a frame for which none is queued is lost, and its number with it.

    Parameters
    ----------
    model
        The camera.
    path
        The file that is mapped.
    offset
        Gives the place of a buffer in it.
    """

    def __init__(self, model, path, offset):
        self._model, self._path, self._offset = model, path, offset
        self._changed = threading.Condition()
        self._queued, self._filled = deque(), deque()
        self._round = 0
        self.is_on = False

    def queue(self, index):
        """Take an empty buffer; False if it is here already."""
        with self._changed:
            if index in self._queued or index in (filled[0] for filled in self._filled):
                return False
            self._queued.append(index)
            return True

    def next(self, patience):
        """Return (buffer, frame, sequence, time stamp); None if none comes while one is patient."""
        with self._changed:
            self._changed.wait_for(lambda: self._filled or not self.is_on, patience)
            return self._filled.popleft() if self._filled and self.is_on else None

    def start(self, form, per_second, length):
        """Begin to take frames."""
        with self._changed:
            if self.is_on:
                return
            self.is_on = True
            self._round += 1
            turn = self._round
        self._model.on_stream(form, per_second)
        threading.Thread(
            target=self._run, args=(turn, form, per_second, length), name="mock video", daemon=True
        ).start()

    def end(self):
        """Stop; every buffer is the program's again."""
        with self._changed:
            self.is_on = False
            self._queued.clear()
            self._filled.clear()
            self._changed.notify_all()

    def _is_over(self, turn):
        return not self.is_on or turn != self._round

    def _pause(self, turn, until):
        with self._changed:
            self._changed.wait_for(lambda: self._is_over(turn), max(0.0, until - time.monotonic()))
            return not self._is_over(turn)

    def _run(self, turn, form, per_second, length):
        began, number = time.monotonic(), 0
        while self._pause(turn, began + (number + 1) / per_second):
            taken = self._model.frame(number, form)
            frame = Frame(taken) if isinstance(taken, bytes) else taken
            if frame is not None and frame.late:
                self._pause(turn, time.monotonic() + frame.late)
            if frame is not None:
                self._fill(turn, frame, number, length)
            number += 1

    def _fill(self, turn, frame, number, length):
        stamp = time.monotonic() if frame.stamp is None else frame.stamp
        sequence = number if frame.sequence is None else frame.sequence
        with self._changed:
            if self._is_over(turn) or not self._queued:
                return
            index = self._queued.popleft()
            try:
                with self._path.open("r+b") as file:
                    file.seek(self._offset(index))
                    file.write(frame.data[:length])
            except FileNotFoundError:  # unplugged at this moment
                return
            self._filled.append((index, frame, sequence, stamp))
            self._changed.notify_all()
