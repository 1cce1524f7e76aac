"""Writes the first version of the schema as explicit operations, one migration a module of tables.

`python -m datchuan.migrations.autogenerate [--check] [FOLDER]`: to be used until the first release. A later change of a
table is a migration of its own, and these stay as they are.
"""

import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from alembic.operations import ops
from sqlalchemy import String, Table

from datchuan.migrations.metadata import (
    Part,
    columns_with_storage,
    extra_ddl,
    extra_drops,
    parts,
    sequence_ddl,
    storage_ddl,
)

_VERSIONS = Path(__file__).parent / "versions"
_HEADER = '''"""{what} the schema `{schema}`, first version."""

import sqlalchemy as sa
from alembic import op
{imports}
revision = "{revision}"
down_revision = {down_revision}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("CREATE SCHEMA IF NOT EXISTS {schema}")
{statements}

def downgrade() -> None:
    """Drop the tables."""
{drops}'''


def render_all() -> dict[str, str]:
    """Return the migrations' texts by file name."""
    return {f"v{number:04}_{part.name}.py": _formatted(_render(number, part)) for number, part in enumerate(parts(), 1)}


def _render(number: int, part: Part) -> str:
    schema, tables = part.schema, part.tables
    before = [f"    op.execute({sequence_ddl(sequence)!r})\n" for sequence in part.sequences]
    calls = [f"    _create_{table.name}()\n" for table in tables]
    after = [f"    op.execute({storage_ddl(*found)!r})\n" for found in columns_with_storage(tables)]
    after += [_executed(statement) for statement in extra_ddl(tables)]
    drops = [f'    op.drop_table("{table.name}", schema="{schema}")\n' for table in reversed(tables)]
    drops += [f'    op.execute("DROP SEQUENCE {schema}.{sequence.name}")\n' for sequence in part.sequences]
    drops += [_executed(statement) for statement in extra_drops(tables)]
    functions = "".join(_function(table) for table in tables)
    text = _HEADER.format(
        what="The tables of" if part.name == schema else f"More tables ({part.name.removeprefix(schema + '_')}) of",
        schema=schema,
        revision=f"{number:04}",
        down_revision=f'"{number - 1:04}"' if number > 1 else None,
        imports="from sqlalchemy.dialects import postgresql\n" if "postgresql." in functions else "",
        statements="".join([*before, *calls, *after]),
        drops="".join(drops),
    )
    return text + functions


def _executed(statement: str) -> str:
    """Return the operation that runs a statement, readable where it has several lines."""
    return f'    op.execute("""\n{statement}\n""")\n' if "\n" in statement else f"    op.execute({statement!r})\n"


def _function(table: Table) -> str:
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    creation = ops.CreateTableOp.from_table(table)
    creation.info = {}  # statements that are operations of their own
    created = ops.UpgradeOps([creation, *(ops.CreateIndexOp.from_index(index) for index in indexes)])
    context = MigrationContext.configure(
        dialect_name="postgresql",
        opts={"sqlalchemy_module_prefix": "sa.", "alembic_module_prefix": "op.", "render_item": _render_item},
    )
    code = render_python_code(created, migration_context=context)
    body = "\n".join(line for line in code.splitlines() if not line.strip().startswith("#"))
    return f"\n\ndef _create_{table.name}() -> None:\n    {body.strip()}\n"


def _render_item(kind: str, item: object, _context: AutogenContext) -> str | bool:
    if kind == "type" and isinstance(item, String) and type(item).__module__.startswith("sqlmodel"):
        return f"sa.String({item.length or ''})"  # SQLModel's own string type is plain VARCHAR to the database
    return False


def _formatted(code: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "120", "-"]
    result = subprocess.run(command, input=code, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return result.stdout


def main(arguments: list[str]) -> int:
    """Write the migrations, or with --check tell whether they are up to date."""
    folder = Path(next((argument for argument in arguments if not argument.startswith("-")), _VERSIONS))
    files = render_all()
    if "--check" in arguments:
        stale = [name for name, text in files.items() if _read(folder / name) != text]
        for name in stale:
            sys.stderr.write(f"{folder / name} is not what the tables declare\n")
        return 1 if stale else 0
    for old in folder.glob("v*.py"):
        old.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{folder / name}\n")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
