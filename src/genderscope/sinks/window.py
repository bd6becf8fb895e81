"""A window on the screen. It uses tkinter because OpenCV's headless wheels have no windows."""

import time

import cv2
import numpy as np
import PIL.Image

from genderscope.core.errors import UsageError
from genderscope.core.types import Image, Scene
from genderscope.sinks import BaseSink, drawn

NEEDS_PICTURES = True
TITLE = "genderscope"
MAX_SHARE = 0.9  # the largest share of the screen that the window fills


class Window(BaseSink):
    """A tkinter window, ``root``, open since ``opened_s`` of ``time.monotonic``; once it is closed,
    frames are no longer shown. ``UsageError`` without a screen or tkinter.
    """

    def __init__(self, target: str = "") -> None:
        try:
            import tkinter

            from PIL import ImageTk
        except ImportError as error:
            raise UsageError(
                "a window needs tkinter: install it (python3-tk on Debian and Ubuntu), or write a "
                "video with --video FILE"
            ) from error
        try:
            self.root = tkinter.Tk(className=TITLE)
        except tkinter.TclError as error:
            raise UsageError(
                f"a window needs a screen ({error}); write a video with --video FILE instead"
            ) from error
        self.opened_s, self.closed = time.monotonic(), False
        self._keys: list[str] = []
        self.photo: ImageTk.PhotoImage | None = None
        self._new_photo = ImageTk.PhotoImage
        self.root.title(TITLE)
        self.root.protocol("WM_DELETE_WINDOW", self._close)
        self.root.bind("<Key>", lambda event: self._keys.append(event.char))
        self._label = tkinter.Label(self.root, borderwidth=0)
        self._label.pack()

    def close(self) -> None:
        self.photo = None
        self.root.destroy()

    def write(self, scene: Scene) -> None:
        """Show a frame; on an error the previous one stays on the screen."""
        if (image := drawn(scene)) is not None and not self.closed:
            self._show(image)
        self.root.update()

    def keys(self) -> list[str]:
        """The characters typed into the window since the last call."""
        keys, self._keys = self._keys, []
        return keys

    def _close(self) -> None:
        self.closed = True
        self.root.withdraw()

    def _show(self, image: Image) -> None:
        screen = self.root.winfo_screenwidth(), self.root.winfo_screenheight()
        height, width = image.shape[:2]
        share = MAX_SHARE * min(screen[0] / width, screen[1] / height)
        if share < 1:
            size = (max(round(width * share), 1), max(round(height * share), 1))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        picture = PIL.Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        if self.photo is None or (self.photo.width(), self.photo.height()) != picture.size:
            self.photo = self._new_photo(picture, master=self.root)
            self._label.configure(image=self.photo)
        else:
            self.photo.paste(picture)


create = Window
