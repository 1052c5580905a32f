"""A task's `payload` and `result` as the REST API prints them: strings that hold JSON."""

import json

from projections.engine.listing import Row


def printed_task(row: Row) -> Row:
    """`result` is empty until there is one; a build's names its package (`artifact_url`) and image."""
    result, artifact = row["result"], row.pop("artifact")
    if result and row["type"] == "build":
        digest = (artifact or result.get("artifact") or {}).get("digest", "")
        result = {"artifact_url": f"artifact:{digest}" if digest else "", "image": "", **result}
    row["result"] = json.dumps(result, ensure_ascii=False) if result else ""
    return row
