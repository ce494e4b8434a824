import io.debezium.embedded.Connect;
import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Debezium's engine for PostgreSQL with one of the sinks beside this file, in one process and without Kafka.
 *
 * <p>Arguments are words like {@code mode=seed}: mode (seed, backlog, follow), sink (own, fastins, fasttxn), host,
 * port, database, slot, publication, target (MongoDB's URI), rows (that a seed has), offsets (a file), poll
 * (milliseconds).
 *
 * <p>Ends when MongoDB has acknowledged all rows of a seed, or the sentinel of a backlog; never, when it follows.
 * Prints {@code {"acknowledged_at": seconds}} then, since 1970.
 */
public final class Driver {
    private static final long SENTINEL = 9_000_000_000L;
    private static final CountDownLatch end = new CountDownLatch(1);
    private static long seen;
    private static volatile Throwable failure;

    public static void main(String[] words) throws Exception {
        Map<String, String> arguments = new HashMap<>();
        for (String word : words) {
            String[] parts = word.split("=", 2);
            arguments.put(parts[0], parts[1]);
        }
        Sink sink = arguments.get("sink").equals("own")
                ? new OwnSink(arguments.get("target"))
                : new BulkSink(arguments.get("target"), arguments.get("sink").equals("fasttxn"));
        boolean isSeed = arguments.get("mode").equals("seed");
        boolean hasEnd = !arguments.get("mode").equals("follow");
        long rows = Long.parseLong(arguments.getOrDefault("rows", "0"));
        DebeziumEngine<ChangeEvent<SourceRecord, SourceRecord>> engine = DebeziumEngine.create(Connect.class)
                .using(properties(arguments))
                .notifying((events, committer) -> {
                    List<SourceRecord> records = new ArrayList<>(events.size());
                    for (var event : events) records.add(event.value());
                    sink.write(records);
                    boolean isLast = false;
                    for (SourceRecord record : records) isLast |= isSentinel((Struct) record.key());
                    for (var event : events) committer.markProcessed(event);
                    committer.markBatchFinished();
                    seen += records.size();
                    if (hasEnd && (isSeed ? seen >= rows : isLast)) end.countDown();
                })
                .using((success, message, error) -> {
                    // A seed's engine ends by itself.
                    if (!success) failure = error != null ? error : new IllegalStateException(message);
                    end.countDown();
                })
                .build();
        new Thread(engine, "engine").start();
        end.await();
        double now = System.currentTimeMillis() / 1e3;
        if (failure != null) {
            failure.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
        System.out.printf(java.util.Locale.ROOT, "{\"acknowledged_at\": %.3f}%n", now);
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private static boolean isSentinel(Struct key) {
        return key != null && ((Number) key.get("id")).longValue() == SENTINEL;
    }

    private static Properties properties(Map<String, String> arguments) {
        Properties properties = new Properties();
        properties.put("name", "bench");
        properties.put("connector.class", "io.debezium.connector.postgresql.PostgresConnector");
        properties.put("offset.storage", "org.apache.kafka.connect.storage.FileOffsetBackingStore");
        properties.put("offset.storage.file.filename", arguments.get("offsets"));
        properties.put("offset.flush.interval.ms", "10000");
        properties.put("database.hostname", arguments.get("host"));
        properties.put("database.port", arguments.get("port"));
        properties.put("database.user", "postgres");
        properties.put("database.password", "none");
        properties.put("database.dbname", arguments.get("database"));
        properties.put("topic.prefix", "bench");
        properties.put("schema.include.list", "public");
        properties.put("plugin.name", "pgoutput");
        properties.put("slot.name", arguments.get("slot"));
        properties.put("publication.name", arguments.get("publication"));
        properties.put("publication.autocreate.mode", "disabled");
        // Rows only: others leave logical messages in the log, which have no key that a sink here could use.
        properties.put("message.prefix.exclude.list", ".*");
        properties.put("snapshot.mode", arguments.get("mode").equals("seed") ? "initial_only" : "no_data");
        properties.put("tombstones.on.delete", "false");
        properties.put("max.batch.size", "8192");
        properties.put("max.queue.size", "32768");
        properties.put("snapshot.fetch.size", "10240");
        properties.put("poll.interval.ms", arguments.getOrDefault("poll", "500"));
        return properties;
    }

    private Driver() {}
}
