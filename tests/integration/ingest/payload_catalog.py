"""The catalog of the real files: their data elements, options, categories and organisation units."""

from typing import Any

from shared.testing.factories import a_catalog


def dhis2_catalog() -> Any:
    """Their ids: three data elements by uid and code, and what the files of ADX and FHIR call their things."""
    count = {"name_vi": "Số", "measures": ["count"]}
    indicators = [
        *({"key": key} | count for key in ("one", "two", "three", "one_a", "two_b", "mal1", "mal2", "mal3", "mal4")),
        *({"key": key, "by": "sex"} | count for key in ("fixed", "malaria")),
        {"key": "kids", "name_vi": "Tỷ lệ", "measures": ["ratio"]},
        {"key": "paper", "name_vi": "Giấy", "measures": ["boolean"]},
    ]
    base = a_catalog()
    rule = base.rules[0].model_dump() | {"indicator": "paper", "operator": "is_true", "thresholds": {}, "combine": None}
    return a_catalog(indicators=indicators, profiles=[PROFILE], rules=[rule])


def _alias(element: str, indicator: str, option: str = "*", role: str = "value", **more: str) -> dict[str, str]:
    return {"element": element, "option": option, "indicator": indicator, "role": role} | more


PROFILE = {
    "source": "hmis",
    "name_vi": "HMIS",
    "aliases": [
        *(
            _alias(element, indicator, "default")
            for indicator, names in {
                "one": ("f7n9E0hX8qk", "DE_A"), "two": ("Ix2HsbDMLea", "DE_B"), "three": ("eY5ehpbEsB7", "DE_C"),
            }.items()
            for element in names
        ),
        _alias("f7n9E0hX8qk", "one_a", "kjuiHgy67hg"),
        _alias("Ix2HsbDMLea", "two_b", "Gad33qy67g5"),
        _alias("BjDrgVrkBI3", "fixed", "oPcWGgS2Liz", sex="male"),
        _alias("BjDrgVrkBI3", "fixed", "rtfSaMjPyq6", sex="female"),
        *(_alias(f"MAL0{number}", f"mal{number}") for number in (1, 2, 3, 4)),
        *(
            _alias(element, "malaria", option, sex=sex)
            for element, female, male in (
                ("Malaria numeric", "FOver555555", "MOver555555"), ("MalNummmmmm", "Female Over 5", "Male Over 5"),
                ("Mal_num", "F_Over5", "M_Over5"),
            )
            for option, sex in ((female, "female"), (male, "male"))
        ),
        *(_alias(element, "paper") for element in ("Malaria text", "MalTexttttt", "Mal_text")),
        _alias("mrp-group", "kids", role="ratio"),
        _alias("attestation-boolean-example", "paper"),
        _alias("QRPH_mADX_ART1_N", "kids", role="numerator"),
    ],
    "categories": [
        {"names": ["Sex_category"], "sex": {"FFFFFFFFFFF": "female", "MMMMMMMMMMM": "male"}},
        {"names": ["sex"], "sex": {"F": "female", "M": "male"}},
        {"names": ["sexxxxxxxxx"], "sex": {"Female": "female", "Male": "male"}},
        {"names": ["gender"], "sex": {"male": "male", "female": "female"}},
    ],
    "org_units": dict.fromkeys(
        ("DiszpKrYNg8", "OU_A", "O6uvpzGd5pu", "342", "123", "P1233333333", "Provincial Hospital", "organization01",
         "HealthPost1"), "C1",
    ) | dict.fromkeys(("BdfsJfj87js", "456", "D4566666666", "District Hospital"), "C2"),
}  # fmt: skip
