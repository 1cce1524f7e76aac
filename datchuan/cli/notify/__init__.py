"""`datchuan notify`: see a message before anybody gets it, and find out who can be reached."""

from datchuan.cli.group import new_group
from datchuan.cli.notify.drill import drill
from datchuan.cli.notify.preview import preview
from datchuan.cli.notify.release import release_held

commands = new_group("See messages without sending them, and find out who can be reached.")
commands.command("preview")(preview)
commands.command("drill")(drill)
commands.command("release")(release_held)
