"""One Spark session, on this machine, that does what it is told line by line: starting it takes longer than what it is asked.

Run by the Python of .venv/spark. Lines on standard input are JSON: ``{"dbt": [arguments], "options": [...], "settings": {...}}`` or
``{"dump": [tables], "into": folder}``; each is answered by a line ``done``, or by what went wrong.
"""

import json
import os
import sys
from functools import lru_cache
from typing import Any

from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession

# Everything that makes a small session cheap and a large one slow. What decides results is in profiles.yml, and dbt sets it.
CHEAP = {
    "spark.master": "local[1]",
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.warehouse.dir": os.environ["FORTRESS_LAKE_URL"] + "/tables",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.lightweightPlanChangeValidation": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print, and Java, is no answer
    builder = SparkSession.builder
    for name, value in CHEAP.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    for line in sys.stdin:
        print(answer(spark, json.loads(line)), file=answers, flush=True)


@lru_cache
def parsed(options: tuple[str, ...], _settings: tuple[tuple[str, str], ...]) -> Any:
    """The project as dbt parsed it, once for all builds with the same settings."""
    return dbtRunner().invoke(["parse", *options]).result


def answer(spark: SparkSession, asked: dict) -> str:
    """What is to be said of one line: ``done``, or why not."""
    if "dbt" in asked:
        os.environ.update(asked["settings"])
        manifest = parsed(tuple(asked["options"]), tuple(asked["settings"].items()))
        found = dbtRunner(manifest=manifest).invoke([*asked["dbt"], *asked["options"]])
        results = getattr(found.result, "results", None) or []
        failed = [f"{one.node.name}: {one.message}" for one in results if one.status in ("error", "fail")]
        return "done" if found.success else json.dumps(failed or str(found.exception))
    for table in asked["dump"]:
        spark.table(table).coalesce(1).write.parquet(f"{asked['into']}/{table}")
    return "done"


if __name__ == "__main__":
    main()
