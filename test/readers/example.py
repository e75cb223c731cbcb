"""Runs an example of examples/lake over another lake than /data/lake: python example.py <example> <lake>"""

import glob
import os
import sys

example, lake = sys.argv[1:]
with open(example, encoding="utf-8") as file:
    text = file.read().replace("/data/lake", lake)

name = os.path.basename(example)
if name == "duckdb.sql":
    import duckdb

    (extension,) = glob.glob(f"{sys.prefix}/lib/python3*/site-packages/duckdb_ext/**/delta.duckdb_extension", recursive=True)
    text = text.replace("install delta;", "").replace("load delta;", f"load '{extension}';")
    for row in duckdb.sql(text).fetchall():
        print(*row, sep="|")
elif name == "clickhouse.sql":
    # ClickHouse reads only below the folder in which it runs.
    os.chdir("/")
    import chdb

    print(str(chdb.query(text.strip().rstrip(";"), "TSVRaw")))
else:
    jars = ",".join(glob.glob(os.path.join(sys.prefix, "jars", "*.jar")))
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        f"--jars {jars} --conf spark.ui.enabled=false --conf spark.driver.bindAddress=127.0.0.1 "
        "--conf spark.driver.host=127.0.0.1 --conf spark.sql.shuffle.partitions=2 pyspark-shell"
    )
    exec(compile(text, example, "exec"), {"__name__": "__main__"})
