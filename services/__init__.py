"""The three services of Đạt Chuẩn: ingest, evaluator and notifier. They talk only through messages."""
