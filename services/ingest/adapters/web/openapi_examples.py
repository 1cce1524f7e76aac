"""Bodies that work as they stand, one of each format: the description shows them, and a test sends them."""

import json
from typing import Any, Final

EVENT: Final[dict[str, Any]] = {
    "id": "tram-y-te-06196-2024-09-bhyt-nu-1",
    "commune": "06196",
    "indicator": "bhyt_coverage",
    "sex": "female",
    "period": "2024-9M",
    "numerator": 1234,
    "denominator": 1300,
    "observed_at": "2024-10-02T08:30:00+07:00",
}
EVENT_LINE: Final = json.dumps(EVENT) + "\n"
CLOUD_EVENT: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "A234-1234-1234",
    "source": "hmis",
    "type": "vn.datchuan.indicator.reported",
    "time": "2024-10-02T08:30:00+07:00",
    "subject": "06196",
    "datacontenttype": "application/json",
    "data": {name: value for name, value in EVENT.items() if name not in ("id", "commune", "observed_at")},
}
VALUE_SET: Final[dict[str, Any]] = {
    "dataSet": "BaoCaoThang",
    "completeDate": "2024-10-02",
    "period": "202409",
    "orgUnit": "06196",
    "dataValues": [
        {"dataElement": "BhytCoThe01", "categoryOptionCombo": "GioiTinhNu0", "value": "1234"},
        {"dataElement": "BhytDanSo01", "categoryOptionCombo": "GioiTinhNu0", "value": "1300"},
    ],
}
VALUE_SET_XML: Final = """\
<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0" period="202408" orgUnit="06196">
  <dataValue dataElement="BhytCoThe01" categoryOptionCombo="GioiTinhNu0" value="1231"/>
  <dataValue dataElement="BhytDanSo01" categoryOptionCombo="GioiTinhNu0" value="1300"/>
</dataValueSet>
"""
VALUE_SET_CSV: Final = """\
dataelement,period,orgunit,categoryoptioncombo,attributeoptioncombo,value
BhytCoThe01,202407,06196,GioiTinhNu0,,1228
BhytDanSo01,202407,06196,GioiTinhNu0,,1300
"""
ADX: Final = """\
<adx xmlns="urn:ihe:qrph:adx:2015" exported="2024-10-02T01:30:00Z">
  <group orgUnit="06196" period="2024-01-01/P9M" dataSet="BaoCao9Thang">
    <dataValue dataElement="BhytCoThe01" categoryOptionCombo="GioiTinhNam" value="1201"/>
    <dataValue dataElement="BhytDanSo01" categoryOptionCombo="GioiTinhNam" value="1290"/>
  </group>
</adx>
"""
MEASURE_REPORT: Final[dict[str, Any]] = {
    "resourceType": "MeasureReport",
    "status": "complete",
    "type": "summary",
    "measure": "http://example.org/Measure/stunting_u5",
    "subject": {"identifier": {"value": "06196"}},
    "date": "2024-10-02T08:30:00+07:00",
    "period": {"start": "2024-07-01", "end": "2024-09-30"},
    "group": [
        {
            "code": {"coding": [{"code": "stunting_u5"}]},
            "population": [
                {"code": {"coding": [{"code": "numerator"}]}, "count": 41},
                {"code": {"coding": [{"code": "denominator"}]}, "count": 500},
            ],
        }
    ],
}
FORM_CSV: Final = """\
Mã xã;Tên xã;Chỉ tiêu;Kỳ;Giới tính;Tử số;Mẫu số
06196;;BHYT;9T/2024;Nam;1201;1290
"""
