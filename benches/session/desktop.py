"""A window as a person sees it: what is on the screen, mouse, keyboard."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent


class Failed(Exception):
    """A step did not do what it should."""


def texts(language):
    """The interface's texts without arguments, by key."""
    found = {}
    for path in sorted((ROOT / "assets/i18n" / language).glob("*.ftl")):
        for line in path.read_text().splitlines():
            if pair := re.match(r"([a-z0-9-]+) = (.+)", line):
                found[pair[1]] = pair[2]
    return found


def switch_accessibility_on():
    """Programs publish their controls only where somebody asks for them."""
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    for name in ["IsEnabled", "ScreenReaderEnabled"]:
        value = GLib.Variant("(ssv)", ("org.a11y.Status", name, GLib.Variant("b", True)))
        bus.call_sync("org.a11y.Bus", "/org/a11y/bus", "org.freedesktop.DBus.Properties", "Set",
                      value, None, Gio.DBusCallFlags.NONE, 5000, None)
    Atspi.init()


def run(*command):
    """What a command prints."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()


def different_pixels(one, other):
    """How many pixels of two pictures differ."""
    answer = run("compare", "-metric", "AE", one, other, "null:")
    try:
        return int(float(answer.split()[0]))
    except (ValueError, IndexError):
        raise Failed(f"{one} and {other} cannot be compared: {answer}") from None


class Window:
    """The program's window."""

    def __init__(self, binary, data, out):
        self.binary, self.data, self.out = binary, data, out
        self.process = None
        self.count = 0

    def start(self, *arguments):
        """Starts the program and waits until it can be used."""
        command = [self.binary, "--data-dir", self.data, *arguments]
        self.process = subprocess.Popen([str(part) for part in command])
        self.wait(lambda: self.nodes(), 60, "no window came up")

    def ended(self, seconds=20):
        """Waits for the end of the program; its exit code."""
        return self.process.wait(timeout=seconds)

    def kill(self):
        """As when the power fails."""
        self.process.kill()
        return self.process.wait()

    # What is on the screen

    def nodes(self):
        """Every control, as (role, name, node)."""
        desktop = Atspi.get_desktop(0)
        found = []

        def visit(node):
            found.append((node.get_role_name(), node.get_name() or "", node))
            for index in range(node.get_child_count()):
                if child := node.get_child_at_index(index):
                    visit(child)

        for index in range(desktop.get_child_count()):
            program = desktop.get_child_at_index(index)
            try:
                if program and program.get_process_id() == self.process.pid:
                    visit(program)
            except GLib.Error:
                # Controls come and go while they are visited.
                pass
        return found

    def find(self, name, role=None):
        """The place in the middle of a control, or None."""
        for found_role, found_name, node in self.nodes():
            if found_name == name and role in (None, found_role):
                try:
                    box = node.get_extents(Atspi.CoordType.SCREEN)
                except GLib.Error:
                    continue
                if box.width > 0:
                    return box
        return None

    def names(self, part):
        """The names that hold a text."""
        return [name for _, name, _ in self.nodes() if part in name]

    def wait(self, ready, seconds, message):
        """Waits until something is so; what it is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failed(f"the program ended with {self.process.returncode}: {message}")
            if found := ready():
                return found
            time.sleep(0.2)
        self.shot("failed")
        raise Failed(message)

    def wait_for(self, name, seconds=15, role=None):
        """Waits for a control."""
        return self.wait(lambda: self.find(name, role), seconds, f"“{name}” is not in the window")

    def wait_gone(self, name, seconds=15):
        """Waits until a control is gone."""
        self.wait(lambda: not self.find(name), seconds, f"“{name}” does not go away")

    def shot(self, name):
        """Keeps the screen as a picture; its path."""
        self.count += 1
        path = self.out / f"{self.count:02}-{name}.png"
        run("import", "-silent", "-window", "root", path)
        return path

    def part(self, box, path):
        """A part of the screen as a picture."""
        area = f"{box.width}x{box.height}+{box.x}+{box.y}"
        run("import", "-silent", "-window", "root", "-crop", area, path)
        return path

    # Mouse and keyboard

    def click(self, name, role=None, button=1):
        """Presses a control."""
        box = self.wait_for(name, role=role)
        self.mouse(f"mousemove {box.x + box.width // 2} {box.y + box.height // 2}", "sleep 0.15",
                   f"click {button}", "sleep 0.3")

    def mouse(self, *lines):
        """Does what xdotool reads."""
        subprocess.run(["xdotool", "-"], input="\n".join(lines) + "\n", text=True, check=True)

    def drag(self, box, places):
        """Holds the button from the first place to the last; places are shares of the box."""
        spots = [(round(box.x + box.width * x), round(box.y + box.height * y)) for x, y in places]
        lines = [f"mousemove {spots[0][0]} {spots[0][1]}", "sleep 0.1", "mousedown 1", "sleep 0.05"]
        for (ax, ay), (bx, by) in zip(spots, spots[1:]):
            for part in range(1, 9):
                x, y = ax + (bx - ax) * part // 8, ay + (by - ay) * part // 8
                lines += [f"mousemove {x} {y}", "sleep 0.012"]
        self.mouse(*lines, "sleep 0.05", "mouseup 1", "sleep 0.3")

    def key(self, *keys):
        """Presses keys, one after the other."""
        for key in keys:
            run("xdotool", "key", key)
            time.sleep(0.2)

    def write(self, text):
        """Types on the keyboard."""
        # What the keyboard does not have gets a key of its own, which the window must hear of before it is pressed.
        run("xdotool", "type", "--delay", "25" if text.isascii() else "200", text)
        time.sleep(0.3)


def children_of(folder):
    """The names in a folder; none where there is no such folder."""
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def play(kind, steps, end):
    """Takes every step in a window of that kind; ends with 1 at the first that fails."""
    binary, out, work = (Path(argument) for argument in sys.argv[1:])
    switch_accessibility_on()
    window = kind(binary, out, work)
    try:
        for step in steps:
            step(window)
    except Failed as failure:
        print(f"FAILED: {failure}", flush=True)
        sys.exit(1)
    finally:
        if window.process and window.process.poll() is None:
            window.process.kill()
    print(end, flush=True)
