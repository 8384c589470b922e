"""disk: real file systems that are really filled, bound, covered, turned read-only, and one that hangs."""
import ctypes
import os
import shutil
import subprocess
import time

import pytest

libc = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2


def sh(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def df(path, what):
    """The percentage that df prints, rounded up as df does."""
    return int(sh("df", f"--output={what}", path).split()[-1].rstrip("%"))


@pytest.fixture
def mounts(tmp_path):
    """Mounts what a test asks for, below its own folder, and takes it away again."""
    if os.geteuid() != 0:
        pytest.skip("not proven: mounting needs root")
    done = []

    def mount(name, *arguments):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        made = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip(f"not proven: mount {' '.join(arguments)}: {made.stderr.strip()}")
        done.append(str(folder))
        return str(folder)

    yield mount
    for folder in reversed(done):
        libc.umount2(folder.encode(), MNT_DETACH)


@pytest.fixture
def ext4(mounts, tmp_path):
    """5 % reserved for root and few inodes, on a loop device; tmpfs where loops are not to be had."""
    image = tmp_path / "image"
    image.write_bytes(b"")
    os.truncate(image, 64 << 20)
    sh("mkfs.ext4", "-q", "-N", "200", "-m", "5", str(image))
    probe = tmp_path / "probe"
    probe.mkdir()
    if subprocess.run(["mount", "-o", "loop", str(image), str(probe)], capture_output=True).returncode == 0:
        sh("umount", str(probe))
        return mounts("ext4 disk", "-o", "loop", str(image))
    return mounts("tmpfs disk", "-t", "tmpfs", "-o", "size=64m,nr_inodes=200", "none")


def test_filled_past_85_percent(kept, ext4):
    empty = kept("disk", mounts=ext4)
    assert empty.value("disk_space_used_ratio", mount=ext4) < 0.5
    with open(f"{ext4}/ballast", "wb") as file:
        free = os.statvfs(ext4).f_bavail * os.statvfs(ext4).f_frsize
        file.write(os.urandom(1 << 20) * (int(free * 0.9) >> 20))
        file.flush()
        os.fsync(file.fileno())
    full = kept("disk", mounts=ext4)
    ratio = full.value("disk_space_used_ratio", mount=ext4)
    assert ratio >= 0.85
    assert df(ext4, "pcent") - 1 <= ratio * 100 <= df(ext4, "pcent")
    fs = os.statvfs(ext4)
    parts = {state: full.value("disk_space", mount=ext4, state=state) for state in ("used", "free", "reserved")}
    assert sum(parts.values()) == fs.f_blocks * fs.f_frsize
    assert parts["free"] == fs.f_bavail * fs.f_frsize
    assert full.value("disk_readonly", mount=ext4) == 0


def test_inodes_run_out_before_bytes(kept, ext4):
    for i in range(int(os.statvfs(ext4).f_favail * 0.95)):
        open(f"{ext4}/{i}", "w").close()
    round = kept("disk", mounts=ext4)
    assert round.value("disk_inodes_used_ratio", mount=ext4) >= 0.85
    assert df(ext4, "ipcent") - 1 <= round.value("disk_inodes_used_ratio", mount=ext4) * 100 <= df(ext4, "ipcent")
    assert round.value("disk_space_used_ratio", mount=ext4) < 0.5


def test_turned_read_only(kept, ext4):
    assert kept("disk", mounts=ext4).value("disk_readonly", mount=ext4) == 0
    sh("mount", "-o", "remount,ro", ext4)
    # another process of ours, which knows from its state that it was writable
    assert kept("disk", mounts=ext4).value("disk_readonly", mount=ext4) == 1
    assert kept("disk", mounts=ext4, readonly_ok=ext4).value("disk_readonly", mount=ext4) == 0
    sh("mount", "-o", "remount,rw", ext4)
    assert kept("disk", mounts=ext4).value("disk_readonly", mount=ext4) == 0


def test_a_mount_that_alone_is_read_only_says_nothing_of_the_disk(kept, ext4):
    """As all of them are in the mount namespace of a unit with ProtectSystem=strict."""
    assert kept("disk", mounts=ext4).value("disk_readonly", mount=ext4) == 0
    sh("mount", "-o", "remount,bind,ro", ext4)
    assert os.statvfs(ext4).f_flag & os.ST_RDONLY
    assert kept("disk", mounts=ext4).value("disk_readonly", mount=ext4) == 0
    sh("mount", "-o", "remount,ro", ext4)
    assert kept("disk", mounts=ext4).value("disk_readonly", mount=ext4) == 1


def test_read_only_from_the_start(kept, ext4, tmp_path):
    sh("mount", "-o", "remount,ro", ext4)
    assert kept("disk", mounts=ext4).value("disk_readonly", mount=ext4) == 0
    fstab = tmp_path / "fstab"
    written = ext4.replace(" ", "\\040")
    fstab.write_text(f"/dev/x {written} ext4 defaults 0 0\n/dev/y {tmp_path}/absent ext4 defaults 0 0\n")
    round = kept("disk", fstab=fstab)
    assert round.value("disk_readonly", mount=ext4) == 1
    assert round.value("disk_mounted", mount=ext4) == 1
    assert round.value("disk_mounted", mount=f"{tmp_path}/absent") == 0
    fstab.write_text(f"/dev/x {written} ext4 ro 0 0\n")
    assert kept("disk", fstab=fstab).value("disk_readonly", mount=ext4) == 0


def test_bind_mounts_count_once(kept, mounts, ext4, tmp_path):
    os.mkdir(f"{ext4}/sub")
    mounts("bound", "--bind", f"{ext4}/sub")
    mounts("again", "--bind", ext4)
    assert kept("disk", mounts=f"{tmp_path}/*").labels("disk_space_used_ratio", "mount") == {ext4}


def test_subvolumes_count_once(kept, mounts, tmp_path):
    if not shutil.which("mkfs.btrfs"):
        pytest.skip("not proven: mkfs.btrfs is not installed (btrfs-progs)")
    image = tmp_path / "image"
    image.write_bytes(b"")
    os.truncate(image, 256 << 20)
    sh("mkfs.btrfs", "-q", str(image))
    whole = mounts("whole", "-o", "loop", str(image))
    sh("btrfs", "subvolume", "create", f"{whole}/home")
    device = sh("findmnt", "-no", "SOURCE", whole).strip()
    mounts("home", "-o", "subvol=home", device)
    round = kept("disk", mounts=f"{tmp_path}/*")
    assert round.labels("disk_space_used_ratio", "mount") == {whole}
    assert round.labels("disk_inodes_used_ratio", "mount") == set()     # btrfs makes them on demand


def test_a_covered_mount_is_left_out(kept, mounts, tmp_path):
    mounts("twice", "-t", "tmpfs", "-o", "size=1m", "none")
    top = mounts("twice", "-t", "tmpfs", "-o", "size=2m", "none")
    round = kept("disk", mounts=f"{tmp_path}/*")
    total = sum(round.value("disk_space", mount=top, state=state) for state in ("used", "free", "reserved"))
    assert total == 2 << 20


def test_names_are_bytes(kept, mounts):
    folder = mounts("a b\tc\nd\\e#f,g", "-t", "tmpfs", "-o", "size=1m", "none")
    assert folder in kept("disk").labels("disk_space", "mount")


def frozen_fuse(folder):
    """A file system whose server never answers, not even the kernel's first greeting: what a dead network mount is."""
    fd = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0"
    if libc.mount(b"frozen", folder.encode(), b"fuse.frozen", 0, options.encode()) != 0:
        error = os.strerror(ctypes.get_errno())
        os.close(fd)
        pytest.skip(f"not proven: mounting FUSE: {error}")
    return fd


def test_p2_a_dead_mount_delays_nothing_but_itself(kept, mounts, tmp_path):
    if not os.path.exists("/dev/fuse"):
        pytest.skip("not proven: no /dev/fuse for a mount that hangs")
    good = mounts("good", "-t", "tmpfs", "-o", "size=1m", "none")
    dead = str(tmp_path / "dead")
    os.mkdir(dead)
    fd = frozen_fuse(dead)
    try:
        begin = time.monotonic()
        round = kept("disk", mounts=f"{tmp_path}/*")
        assert time.monotonic() - begin < 15
        assert round.value("disk_space_used_ratio", mount=good) == 0
        assert round.value("disk_space_used_ratio", mount=dead) is None
        assert list(round.skips) == [dead]
        assert round.outcome == "partial"
    finally:
        os.close(fd)    # ends what hangs
        libc.umount2(dead.encode(), MNT_DETACH)


def test_a_table_without_a_root_still_reports_it(kept, tmp_path):
    """As in a chroot, whose table does not name what its root stands on."""
    (tmp_path / "mountinfo").write_text("22 20 0:5 / /proc rw - proc proc rw\n")
    round = kept("disk", table=tmp_path / "mountinfo", fstab="/nonexistent")
    assert df("/", "pcent") - 1 <= round.value("disk_space_used_ratio", mount="/") * 100 <= df("/", "pcent") + 1


def test_users_mounts_do_not_crowd_out_the_disks(kept, tmp_path):
    """Whoever may mount by FUSE may mount much: thousands of mounts before the one that counts."""
    root = os.stat("/").st_dev
    lines = [f"{i} 20 0:{i} / /no/{i} rw - fuse.sshfs user@host:{i} rw" for i in range(1000, 4000)]
    lines.append(f"20 1 {os.major(root)}:{os.minor(root)} / / rw - ext4 /dev/root rw")
    (tmp_path / "mountinfo").write_text("\n".join(lines) + "\n")
    round = kept("disk", table=tmp_path / "mountinfo", fstab="/nonexistent")
    assert round.outcome == "partial"
    assert 0 < round.value("disk_space_used_ratio", mount="/") < 1
    assert "more file systems than fit into a round" in round.skips
