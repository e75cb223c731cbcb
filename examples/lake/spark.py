"""Conversations by label, with Spark: spark-submit --packages io.delta:delta-spark_2.12:3.3.2 examples/lake/spark.py"""

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, explode

spark = (
    SparkSession.builder.appName("chatwoot")
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .getOrCreate()
)
conversations = spark.read.format("delta").load("/data/lake").where(col("deleted_at").isNull())
conversations.select(explode("labels").alias("label")).groupBy("label").count().orderBy(col("count").desc()).show()
