# SPDX-License-Identifier: Apache-2.0
"""Boots Debian's kernel in an emulator, plugs our virtual devices into it, and runs `guest.py`.

``python tests/real_kernel/boot.py [FOLDER]`` downloads and unpacks the kernel's package into the
folder (by default one that is removed at the end; a folder that holds it already is used as it is)
and starts qemu without KVM. The guest sees this machine's files read-only at the same paths, below
a layer in memory, so that it runs this very Python. Exits 0 if every check passed, 1 if not or if
the time was over, and says which.
"""

import gzip
import lzma
import os
import re
import selectors
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import newc

HERE = Path(__file__).resolve().parent
LIMIT = 240.0
"""Seconds for everything in the guest; it takes about 40 on two idle cores."""

_FIRST = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
"""Modules without which the guest has no files."""
_CPU = "qemu64,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16"
_END = "GUEST END"
_INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc p /proc; $b mount -t sysfs s /sys; $b mount -t devtmpfs d /dev
for module in $($b cat /order); do $b insmod /modules/$module || echo "no module $module"; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose host /host
$b mount -t tmpfs t /layer; $b mkdir /layer/upper /layer/work
$b mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work o /new
$b mount -t proc p /new/proc; $b mount -t sysfs s /new/sys; $b mount -t devtmpfs d /new/dev
$b mount -t tmpfs t /new/run
$b ip link set lo up
$b chroot /new /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1 \\
  PYTHONPATH="$TESTS" "$PYTHON" "$GUEST" "$MODULES"
echo "guest.py ended with $?"
echo "GUEST END"
$b poweroff -f
"""


def lacking():
    """Say what this machine lacks; empty if nothing."""
    tools = {
        "qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "depmod": "kmod",
        "dpkg": "dpkg", "apt-get": "apt",
    }  # fmt: skip
    missing = [package for tool, package in tools.items() if _which(tool) is None]
    return f"needs the Debian packages {', '.join(missing)}" if missing else ""


def _which(tool):
    places = (Path(place) / tool for place in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"))
    return next((place for place in places if place.exists()), None)


def unpacked(folder):
    """Return (kernel image, its version), after download if it is not in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob("linux/boot/vmlinuz-*")):
        said = _said("apt-cache", "depends", "linux-image-amd64")
        package = re.search(r"Depends: (linux-image-\S+)", said)[1]
        _said("apt-get", "download", package, cwd=folder)
        archive = next(folder.glob("linux-image-*.deb"))
        _said("dpkg", "-x", str(archive), str(folder / "linux"))
    image = next(folder.glob("linux/boot/vmlinuz-*"))
    version = image.name.removeprefix("vmlinuz-")
    if not (folder / f"linux/lib/modules/{version}/modules.dep.bin").exists():
        _said(str(_which("depmod")), "-b", str(folder / "linux"), version)
    return image, version


def _said(*command, cwd=None):
    """Run a command; what it says if it fails ends the program."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed: {done.stderr or done.stdout}")
    return done.stdout


def first_files(image, version, guest):
    """Return the archive the kernel starts from: busybox, the first modules, what to do."""
    modules = image.parent.parent / "lib/modules" / version
    needs = {
        Path(line.partition(":")[0]).name.partition(".")[0].replace("-", "_"): line
        for line in (modules / "modules.dep").read_text("ascii").splitlines()
    }
    paths = []
    for name in _FIRST:
        own, _, before = needs[name].partition(":") if name in needs else ("", "", "")
        paths += [path for path in [*reversed(before.split()), own] if path and path not in paths]
    files = {f"modules/{Path(path).name}": _plain(modules / path) for path in paths}
    settings = {
        "PYTHON": sys.executable, "GUEST": guest, "TESTS": guest.parent.parent,
        "MODULES": modules.parent.parent.parent,
    }  # fmt: skip
    script = _INIT
    for name, value in settings.items():
        script = script.replace(f'"${name}"', f'"{value}"')
    order = "\n".join(Path(path).name for path in paths).encode()
    files |= {
        "init": script.encode(),
        "order": order,
        "bin/busybox": _which("busybox").read_bytes(),
    }
    folders = ("bin", "modules", "proc", "sys", "dev", "host", "layer", "new")
    return gzip.compress(newc.archive(folders, files), 1)


def _plain(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def run(image, files, limit):
    """Boot; yield the lines of the guest's console until it ends or the time is over."""
    command = [
        "qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", _CPU, "-m", "2048",
        "-smp", "2", "-nographic", "-no-reboot", "-net", "none", "-kernel", str(image),
        "-initrd", str(files), "-append", "console=ttyS0 quiet panic=-1", "-virtfs",
        "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
    ]  # fmt: skip
    end = time.monotonic() + limit
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as machine:
        try:
            yield from _lines(machine.stdout, end)
        finally:
            try:
                machine.wait(5)  # it switches itself off
            except subprocess.TimeoutExpired:
                machine.kill()


def _lines(stream, end):
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while (left := end - time.monotonic()) > 0:
            if not selector.select(left):
                break
            part = os.read(stream.fileno(), 65536)
            *whole, pending = (pending + part).split(b"\n")
            for line in whole:
                text = line.decode("utf-8", "replace").strip()
                yield text
                if text == _END:
                    return
            if not part:
                return
    yield "the time was over"


def main(folder=None, limit=LIMIT, show=print):
    """Boot and check; return whether every check passed, and the lines of the checks."""
    with tempfile.TemporaryDirectory(prefix="kernel") as scratch:
        image, version = unpacked(Path(folder or scratch))
        files = Path(scratch) / "first.gz"
        files.write_bytes(first_files(image, version, HERE / "guest.py"))
        began = time.monotonic()
        checks, right = [], False
        for line in run(image, files, limit):
            show(line)
            if line.startswith(("PASS ", "FAIL ")):
                checks.append(line)
            right |= line == "guest.py ended with 0"
        failed = [line for line in checks if line.startswith("FAIL")]
        passed = len(checks) - len(failed)
        show(
            f"Linux {version}: {passed} of {len(checks)} checks passed in "
            f"{time.monotonic() - began:.0f} s{'' if right else '; the guest ended badly'}"
        )
        return right and bool(checks) and not failed, checks


if __name__ == "__main__":
    if lack := lacking():
        sys.exit(lack)
    sys.exit(0 if main(*sys.argv[1:2])[0] else 1)
