"""`datchuan dispatch`: who is responsible for what, and what the dispatches leave open."""

from datchuan.cli.dispatch_cases import run_file
from datchuan.cli.dispatch_check import check
from datchuan.cli.dispatch_explain import explain
from datchuan.cli.dispatch_matrix import matrix
from datchuan.cli.group import new_group

commands = new_group("Look into the official dispatches (công văn): who leads, who coordinates, what is left open.")

commands.command("check")(check)
commands.command("explain")(explain)
commands.command("test")(run_file)
commands.command("matrix")(matrix)
