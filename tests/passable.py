"""pytest's folders are its user's alone; as root, our programs and mail servers run as users of their own."""
import os


def passable(folder):
    """Everybody may go through to the folder; nothing else changes."""
    for path in (folder, *folder.parents):
        mode = path.stat().st_mode
        if os.geteuid() == 0 and mode & 0o011 != 0o011:
            os.chmod(path, mode | 0o011)
