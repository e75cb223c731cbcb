"""Reads Delta tables by one engine, and prints a line of JSON for each: of each column how many rows have a value, and a checksum.

python read.py <engine> <columns as JSON: [{"name", "kind"}]> <options of the storage as JSON> <table>...

The checksum is the sum of the first 32 bits of the MD5 of "<key>|<text of the cell>" of each row that has a value; the key is the first column. Lists are written as their
length, a colon and their elements between the characters 31, with character 30 for NULL.
"""

import glob
import hashlib
import json
import os
import re
import sys


def of_delta_rs(table, columns, options):
    import deltalake
    import pyarrow as pa

    found = deltalake.DeltaTable(table, storage_options=options).to_pyarrow_table()
    integer = pa.int64()

    def text_of(kind, array):
        if kind in ("timestamp", "timestamptz"):
            return array.cast(pa.timestamp("us", array.type.tz)).cast(integer).to_pylist()
        if kind == "date":
            return array.cast(pa.int32()).to_pylist()
        return array.to_pylist()

    written = {
        "boolean": lambda value: "true" if value else "false",
        "double": lambda value: str(int(value * 4)),
        # Of the digits behind the point those that are not zero, as ClickHouse writes no others.
        "decimal": lambda value: re.sub(r"\.?0+$", "", format(value, "f")),
        "texts": lambda value: list_text(value),
        "integers": lambda value: list_text(value),
    }
    ids = found.column(columns[0]["name"]).to_pylist()
    result = {}
    for column in columns:
        name, kind = column["name"], column["kind"]
        write = written.get(kind, str)
        filled = total = 0
        for chunk_ids, value in zip(ids, text_of(kind, found.column(name))):
            if value is None:
                continue
            digest = hashlib.md5(f"{chunk_ids}|{write(value)}".encode()).digest()
            filled += 1
            total += int.from_bytes(digest[:4], "big")
        result[name] = {"filled": filled, "sum": str(total)}
    return result


def list_text(value):
    elements = ["\x1e" if element is None else str(element) for element in value]
    return f"{len(elements)}:" + "\x1f".join(elements)


def of_clickhouse(table, columns, _options):
    # ClickHouse reads only below the folder in which it runs.
    os.chdir("/")
    import chdb

    def listed(name):
        return (
            f"concat(toString(length({name})), ':', arrayStringConcat("
            f"arrayMap(x -> ifNull(toString(x), char(30)), {name}), char(31)))"
        )

    texts = {
        "integer": "toString({})",
        "boolean": "toString({})",
        "double": "toString(toInt64({} * 4))",
        "decimal": "toString({})",
        "date": "toString(toInt32({}))",
        "timestamp": "toString(toUnixTimestamp64Micro({}))",
        "timestamptz": "toString(toUnixTimestamp64Micro({}))",
        "text": "{}",
    }
    items = []
    for column in columns:
        name = f"`{column['name']}`"
        text = listed(name) if column["kind"] in ("texts", "integers") else texts[column["kind"]].format(name)
        part = f"reinterpretAsUInt32(reverse(substring(MD5(concat(toString(`{columns[0]['name']}`), '|', {text})), 1, 4)))"
        items.append(f"toString(count({text})), toString(ifNull(sum({part}), 0))")
    query = f"select {', '.join(items)} from deltaLakeLocal('{table}')"
    cells = json.loads(str(chdb.query(query, "JSONCompactEachRow")))
    return paired(columns, cells)


def of_duckdb(table, columns, _options):
    import duckdb

    (extension,) = glob.glob(f"{sys.prefix}/lib/python3*/site-packages/duckdb_ext/**/delta.duckdb_extension", recursive=True)
    connection = duckdb.connect()
    connection.execute(f"load '{extension}'")
    connection.execute("set TimeZone = 'UTC'")

    def listed(name):
        elements = f"list_transform({name}, lambda x: coalesce(x::varchar, chr(30)))"
        # What is made of an empty list is NULL here.
        return f"case when {name} is not null then len({name}) || ':' || coalesce(array_to_string({elements}, chr(31)), '') end"

    texts = {
        "double": "({} * 4)::bigint::varchar",
        "decimal": "regexp_replace({}::varchar, '[.]?0+$', '')",
        "date": "date_diff('day', date '1970-01-01', {})::varchar",
        "timestamp": "epoch_us({})::varchar",
        "timestamptz": "epoch_us({})::varchar",
    }
    items = []
    for column in columns:
        name = f'"{column["name"]}"'
        listing = column["kind"] in ("texts", "integers")
        text = listed(name) if listing else texts.get(column["kind"], "{}::varchar").format(name)
        digest = f"('0x' || left(md5({columns[0]['name']} || '|' || {text}), 8))::bigint"
        items.append(f"count({text}), coalesce(sum({digest}), 0)::varchar")
    cells = connection.sql(f"select {', '.join(items)} from delta_scan('{table}')").fetchone()
    return paired(columns, cells)


def of_spark(table, columns, _options):
    from pyspark.sql import SparkSession

    jars = ",".join(glob.glob(os.path.join(sys.prefix, "jars", "*.jar")))
    settings = {
        "spark.jars": jars,
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.driver.memory": "2g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.parquet.columnarReaderBatchSize": "512",
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")

    def listed(name):
        return f"concat(cast(size({name}) as string), ':', array_join(cast({name} as array<string>), chr(31), chr(30)))"

    texts = {
        "double": "cast(cast({} * 4 as bigint) as string)",
        "decimal": "regexp_replace(cast({} as string), '[.]?0+$', '')",
        "date": "cast(unix_date({}) as string)",
        "timestamp": "cast(unix_micros(cast({} as timestamp)) as string)",
        "timestamptz": "cast(unix_micros({}) as string)",
    }
    items = []
    for column in columns:
        name = f"`{column['name']}`"
        listing = column["kind"] in ("texts", "integers")
        text = listed(name) if listing else texts.get(column["kind"], "cast({} as string)").format(name)
        part = f"cast(conv(substr(md5(concat(cast(`{columns[0]['name']}` as string), '|', {text})), 1, 8), 16, 10) as bigint)"
        items += [f"count({text})", f"cast(coalesce(sum({part}), 0) as string)"]
    cells = list(session.read.format("delta").load(table).selectExpr(*items).collect()[0])
    return paired(columns, cells)


def paired(columns, cells):
    pairs = zip(cells[0::2], cells[1::2])
    return {column["name"]: {"filled": int(filled), "sum": str(total)} for column, (filled, total) in zip(columns, pairs)}


engines = {"delta-rs": of_delta_rs, "clickhouse": of_clickhouse, "duckdb": of_duckdb, "spark": of_spark}
engine, columns, options, *tables = sys.argv[1:]
for table in tables:
    print(json.dumps(engines[engine](table, json.loads(columns), json.loads(options) or None)), flush=True)
