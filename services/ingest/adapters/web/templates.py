"""GET /v1/templates: the empty forms, as files to fill in. A form is no secret, so no token is asked for."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.ingest.adapters.formats.form_workbook import csv_of, workbook_of
from shared.catalog.catalog import Catalog
from shared.catalog.forms import Form
from shared.runtime.problems import Problem, problem_response

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv; charset=utf-8"


class TemplateFace(msgspec.Struct, frozen=True, kw_only=True):
    """A form: where its empty files are; one that is `named_only` is used only when a request names it."""

    form: str
    name_vi: str
    named_only: bool
    columns: list[str]
    xlsx: str
    csv: str


class Templates:
    """The empty forms of a catalog. Each file is made once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._indicators = {indicator.key: indicator for indicator in catalog.indicators}
        self._made: dict[str, bytes] = {}

    async def get_list(self, _request: Request) -> Response:
        """Answer with every form."""
        return Response(
            msgspec.json.encode([_face(form) for form in self._catalog.forms]), media_type="application/json"
        )

    async def get_file(self, request: Request) -> Response:
        """Answer with an empty form as FORM.xlsx or FORM.csv."""
        name: str = request.path_params["name"]
        form_id, _, ending = name.rpartition(".")
        form = self._catalog.form_by_id.get(form_id)
        if form is None or ending not in ("xlsx", "csv"):
            return problem_response(
                Problem(404, "no_such_form", "There is no such form", "GET /v1/templates lists the forms.", name[:100])
            )
        if name not in self._made:
            self._made[name] = csv_of(form) if ending == "csv" else workbook_of(form, self._indicators)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(self._made[name], media_type=CSV if ending == "csv" else XLSX, headers=headers)


def _face(form: Form) -> TemplateFace:
    return TemplateFace(
        form=form.id,
        name_vi=form.name_vi,
        named_only=form.named_only,
        columns=[column.title for column in form.columns],
        xlsx=f"/v1/templates/{form.id}.xlsx",
        csv=f"/v1/templates/{form.id}.csv",
    )
